from __future__ import annotations

import pyarrow as pa
import pytest

from propload.sources.text import chunking, json_columns, json_rows
from propload.sources.text.json_columns import parse_columns

TYPES = {
    "id": pa.int64(),
    "price": pa.float64(),
    "city": pa.large_string(),
    "sold": pa.bool_(),
    "note": None,
}
ROW = '{"id": 1, "price": 2.5, "city": "a", "sold": true, "note": null}'


@pytest.fixture(autouse=True)
def _short_texts_too(monkeypatch):
    monkeypatch.setattr(json_columns, "_MIN_BYTES", 0)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_become_columns_of_the_types_so_far(end, last):
    lines = [ROW, '{"city":"b","id":2}', '{"note": null, "price": 7, "sold": false}']
    text = end.join(lines) + (end if last else "")
    rows = parse_columns(text.encode(), TYPES)
    assert rows.schema.names == list(TYPES)
    # a column without a value so far is text for the time being
    assert rows.schema.types == [kind or pa.large_string() for kind in TYPES.values()]
    assert rows.to_pylist() == [
        {"id": 1, "price": 2.5, "city": "a", "sold": True, "note": None},
        {"id": 2, "price": None, "city": "b", "sold": None, "note": None},
        {"id": None, "price": 7.0, "city": None, "sold": False, "note": None},
    ]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param('{"other": 1}', id="new name"),
        pytest.param('{"id": 1, "id": 1}', id="name twice"),
        pytest.param('{"id": null, "id": 1}', id="name twice, once null"),
        pytest.param('{"id": 1.0}', id="fraction among whole numbers"),
        pytest.param('{"id": 9223372036854775808}', id="more than 64 bits"),
        pytest.param('{"id": "1"}', id="text among numbers"),
        pytest.param('{"city": 1}', id="number among texts"),
        pytest.param('{"note": 1}', id="first value of a column"),
        pytest.param('{"city": ["a"]}', id="list"),
        pytest.param('{"city": {"a": 1}}', id="object"),
        pytest.param('{"price": NaN}', id="NaN"),
        pytest.param('{"price": -Infinity}', id="infinity"),
        pytest.param('{"price": -0}', id="zero with a sign"),
        pytest.param('{"price": 9007199254740993}', id="more than a float holds"),
        pytest.param('{"price": 1e400}', id="too large for a float"),
        pytest.param('{"city": "\\ud800"}', id="half of a surrogate pair"),
        pytest.param("{}", id="no fields"),
        pytest.param('{"id": 1}{"id": 2}', id="two on one line"),
        pytest.param('{"id": 1}{"id": 2}\n', id="as many objects as lines"),
        pytest.param('{"city": "a\nb"}', id="line end in a text"),
        pytest.param("", id="empty line"),
        pytest.param("7", id="no object"),
        pytest.param('{"id": 1', id="cut short"),
    ],
)
def test_lines_that_decoding_reads_otherwise_are_left_to_it(lines):
    for text in (lines, f"{ROW}\n{lines}\n{ROW}\n"):
        assert parse_columns(text.encode(), TYPES) is None


def test_long_numbers_matter_only_beside_fractions():
    text = b'{"id": 9007199254740993}\n'
    assert parse_columns(text, TYPES) is None
    rows = parse_columns(text, {"id": pa.int64()})
    assert rows.to_pylist() == [{"id": 9007199254740993}]


@pytest.mark.parametrize(
    "types", [{}, {"": pa.int64()}, {"id": pa.large_list(pa.int64())}]
)
def test_columns_that_only_decoding_makes_are_left_to_it(types):
    assert parse_columns(b'{"id": null}\n', types) is None


def test_few_bytes_are_left_to_decoding(monkeypatch):
    monkeypatch.undo()
    assert parse_columns(f"{ROW}\n".encode(), TYPES) is None


def test_a_file_is_parsed_once_its_columns_are_known(read, write, monkeypatch):
    parsed = []

    def parse(text, types):
        rows = parse_columns(text, types)
        parsed.append(rows and rows.num_rows)
        return rows

    monkeypatch.setattr(json_rows, "parse_columns", parse)
    monkeypatch.setattr(chunking, "BLOCK_BYTES", 0)
    usual = [f'{{"id": {number}, "price": 1.5}}' for number in range(200)]
    lines = [*usual[:150], "nope", '{"id": "x"}', '{"new": 1}', *usual[150:]]
    path = write("a.ndjson", "\n".join(lines))
    reading = read(path, chunk_rows=20, chunk_bytes=300)
    assert None in parsed
    assert sum(count for count in parsed if count) > 100
    assert [fault.row for fault in reading.unread] == [151]
    monkeypatch.setattr(json_rows, "parse_columns", lambda *_: None)
    assert read(path, chunk_rows=20, chunk_bytes=300).rows == reading.rows
