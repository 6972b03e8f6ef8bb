from __future__ import annotations

import pyarrow as pa
import pytest

from propload.errors import SourceError
from propload.options import SourceOptions
from propload.sources.text import (
    chunking,
    decoding,
    json_columns,
)
from propload.sources.text.json_columns import ColumnParser, parse_columns
from propload.sources.text.json_rows import read_json

TYPES = {
    "id": pa.int64(),
    "price": pa.float64(),
    "city": pa.large_string(),
    "sold": pa.bool_(),
    "note": None,
    "photos": pa.large_list(pa.large_string()),
}
ROW = (
    '{"id": 1, "price": 2.5, "city": "a", "sold": true, "note": null, '
    '"photos": ["p", null]}'
)


@pytest.fixture(autouse=True)
def _short_texts_too(monkeypatch):
    monkeypatch.setattr(json_columns, "_MIN_BYTES", 0)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_become_columns_of_the_types_so_far(end, last):
    lines = [
        ROW,
        '{"city":"b","id":2,"photos":[]}',
        '{"note": null, "price": 7, "sold": false}',
    ]
    text = end.join(lines) + (end if last else "")
    rows = parse_columns(text.encode(), TYPES)
    assert rows.schema.names == list(TYPES)
    # a column without a value so far is text for the time being
    assert rows.schema.types == [kind or pa.large_string() for kind in TYPES.values()]
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        (1, 2.5, "a", True, None, ["p", None]),
        (2, None, "b", None, None, []),
        (None, 7.0, None, False, None, None),
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
        pytest.param('{"photos": "a"}', id="text among lists"),
        pytest.param('{"photos": [1]}', id="list of another type"),
        pytest.param('{"photos": [["a"]]}', id="list in a list"),
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


def test_bytes_that_are_not_utf_8_are_left_to_decoding():
    text = ROW.replace('"a"', '"é"').encode("latin-1") + b"\n"
    assert parse_columns(text, TYPES) is None


def test_long_numbers_matter_only_beside_fractions():
    text = b'{"id": 9007199254740993}\n'
    assert parse_columns(text, TYPES) is None
    rows = parse_columns(text, {"id": pa.int64()})
    assert rows.to_pylist() == [{"id": 9007199254740993}]


@pytest.mark.parametrize(
    "types", [{}, {"": pa.int64()}, {"id": pa.large_list(pa.float64())}]
)
def test_columns_that_only_decoding_makes_are_left_to_it(types):
    assert parse_columns(b'{"id": null}\n', types) is None


def test_few_bytes_are_left_to_decoding(monkeypatch):
    parser = ColumnParser(lambda: TYPES)
    text = f"{ROW}\n".encode()
    assert parser.parse(text).num_rows == 1
    monkeypatch.undo()
    for _ in range(9):
        assert parser.parse(text) is None
    # more may come: a pipe gives a few lines at a time while it is slow
    assert not parser.has_given_up


def test_texts_are_decoded_after_several_in_a_row_that_had_to_be():
    parser = ColumnParser(lambda: TYPES)
    text, odd = f"{ROW}\n".encode(), b'{"id": "x"}\n'
    for _ in range(9):
        assert [parser.parse(odd) for _ in range(3)] == [None] * 3
        assert parser.parse(text).num_rows == 1
    while not parser.has_given_up:
        assert parser.parse(odd) is None
    assert parser.parse(text) is None


@pytest.fixture
def parsed_rows(monkeypatch):
    """Return a list of how many rows each call of the parser made, or None."""
    counts = []

    def parse(*arguments):
        rows = parse_columns(*arguments)
        counts.append(rows and rows.num_rows)
        return rows

    monkeypatch.setattr(json_columns, "parse_columns", parse)
    # short blocks stay short
    monkeypatch.setattr(chunking, "BLOCK_BYTES", 0)
    monkeypatch.setattr(decoding, "HEAD_BYTES", 1)
    return counts


def read_blocks(text, *, lines):
    """Return the rows of a text that comes in short blocks, and those not read."""
    blocks = (text[at : at + 300].encode() for at in range(0, len(text), 300))
    options = SourceOptions(chunk_rows=20, chunk_bytes=300)
    batches = list(read_json(blocks, "homes", options, lines=lines))
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    return rows, [fault for batch in batches for fault in batch.unread]


@pytest.mark.parametrize(
    "separator", ["lines", "indented", ",", ", ", ",\n", "\n, "], ids=ascii
)
def test_rows_are_parsed_once_their_columns_are_known(parsed_rows, separator):
    usual = [f'{{"id": {number}, "city": "a"}}' for number in range(300)]
    odd = ['{"id": "x"}', '{"new": 1}', '{"city": {"a": 1}}', '{"city": "a}, {"}', "7"]
    values = [*usual[:200], *odd, *usual[200:]]
    if separator == "lines":
        rows, unread = read_blocks("\n".join(values), lines=True)
    elif separator == "indented":
        values = [value.replace(', "', ',\n    "') for value in values]
        text = ",\n  ".join(values)
        rows, unread = read_blocks(f"[\n  {text}\n]", lines=False)
    else:
        rows, unread = read_blocks(f"[{separator.join(values)}]", lines=False)
    assert None in parsed_rows
    assert sum(count for count in parsed_rows if count) > 100
    # "x" makes those after it texts as well
    ids = [row["id"] for row in rows]
    assert ids[:150] == [*range(150)]
    assert [*map(str, ids[150:200])] == [*map(str, range(150, 200))]
    assert ids[200:] == ["x", None, None, None, *map(str, range(200, 300))]
    assert [row["city"] for row in rows[200:204]] == [None, None, '{"a": 1}', "a}, {"]
    assert [fault.row for fault in unread] == [205]


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (', {"id": 2', "the next value is cut short or not JSON"),
        (', {"id": 2}', "the JSON array is cut short"),
        (', {"id": 2} {"id": 3}] 4', "there is more after the JSON array's end"),
    ],
)
@pytest.mark.usefixtures("parsed_rows")
def test_ends_of_arrays_are_judged_by_decoding(end, message):
    with pytest.raises(SourceError, match=message):
        read_blocks("[" + ", ".join(['{"id": 1}'] * 100) + end, lines=False)
