"""Reading the rows at a path within a JSON document."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from propload.errors import ConfigError
from propload.options import SourceOptions
from propload.sources import open_source
from propload.sources.text import chunking, json_window
from propload.sources.text.json_rows import read_json

NAMES = ["a.json", "a.ndjson"]
ROWS = [{"a": 1}, {"a": 2}]


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.mark.parametrize(
    ("document", "rows_at"),
    [
        ({"count": 2, "results": ROWS}, "results"),
        ({"results": ROWS, "next": {"results": [{"a": 7}]}}, "results"),
        ({"data": {"n": "[{", "items": ROWS}, "items": [7]}, "data.items"),
        ({"odata.value": ROWS, "odata.count": 1}, "odata.value"),
        ({"data": {"x.y": {"items": ROWS}}}, "data.x.y.items"),
        ({"$values": ROWS, "$id": "1"}, "$values"),
        ({"features": [{"properties": row} for row in ROWS]}, "features.properties"),
        ([{"results": ROWS[:1]}, {"results": []}, {"results": ROWS[1:]}], "results"),
    ],
)
def test_rows_are_read_at_the_path(read, write, name, document, rows_at):
    reading = read(write(name, json.dumps(document) + "\n"), rows_at=rows_at)
    assert reading.error is None
    assert (reading.rows, reading.unread) == (ROWS, [])


def test_single_object_at_the_path_is_one_row(read, write, name):
    path = write(name, '{"data": {"id": 7, "at": "Ede"}, "ok": true}')
    assert read(path, rows_at="data").rows == [{"id": 7, "at": "Ede"}]


@pytest.mark.parametrize("separator", ["", "\n", "\r\n", "\n\n"])
def test_rows_of_consecutive_documents_are_read(read, write, name, separator):
    separator = separator or ("\n" if name == "a.ndjson" else " ")
    text = separator.join(json.dumps({"n": 1, "results": [row]}) for row in ROWS)
    assert read(write(name, text), rows_at="results").rows == ROWS


def test_rows_of_compressed_documents_and_pipes_are_read(read, write, monkeypatch):
    text = json.dumps({"results": ROWS}, indent=1).encode()
    assert read(write("a.json.gz", gzip.compress(text)), rows_at="results").rows == ROWS
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert read("-", rows_at="results").rows == ROWS


@pytest.mark.parametrize(
    ("document", "rows_at", "reason"),
    [
        (
            {"count": 2, "results": ROWS},
            "result",
            "result (--rows-at): it has no 'result'; its names are 'count', 'results'",
        ),
        (
            {"data": {"n": 2, "items": ROWS}},
            "data.rows",
            "data.rows (--rows-at): data has no 'rows'; its names are 'n', 'items'",
        ),
        ({"data": "x"}, "data.rows", "data.rows (--rows-at): data is a text"),
        ({"data": 7}, "data.rows", "data.rows (--rows-at): data is 7"),
        ({"data": [[ROWS]]}, "data.rows", "data.rows (--rows-at): data is a list"),
        ({}, "rows", "rows (--rows-at): it has no 'rows'; its names are none"),
        ({f"n{n}": n for n in range(99)}, "rows", "'n8', 'n9' and others"),
        ({"rows": None}, "rows", "null is not a row"),
        ({"a": {"b": ROWS}, "a.b": ROWS}, "a.b", "it has two members of that name"),
    ],
)
def test_error_for_wrong_path_lists_the_names_present(
    read, write, name, document, rows_at, reason
):
    reading = read(write(name, json.dumps(document)), rows_at=rows_at)
    message = str(reading.error)
    assert name in message
    assert reason in message
    assert "(--rows-at)" in message or "null" in reason


@pytest.mark.parametrize("bad", ['{"error": "slow down"}', "7", "[[1]]", "null"])
def test_page_without_rows_is_rejected_alone(read, write, name, bad):
    good = '{"results": [{"a": 1}]}'
    text = (
        f"{good}\n{bad}\n{good}" if name == "a.ndjson" else f"[{good}, {bad}, {good}]"
    )
    reading = read(write(name, text), rows_at="results")
    assert reading.tuples == [(1,), (1,)]
    assert reading.numbers == [1, 3]
    (fault,) = reading.unread
    assert (fault.row, fault.check) == (2, "rows_at")
    assert fault.text == ("[1]" if (bad, name) == ("[[1]]", "a.ndjson") else bad)


def test_value_that_is_no_row_is_rejected_alone(read, write, name):
    path = write(name, '{"rows": [{"a": 1}, 7, [], {"a": 1, "a": 2}, {"a": 3}]}')
    reading = read(path, rows_at="rows")
    if name == "a.ndjson":
        assert "the name 'a' occurs twice" in reading.unread[0].message
        return
    assert reading.tuples == [(1,), (3,)]
    assert [one.text for one in reading.unread] == ["7", "[]", '{"a": 1, "a": 2}']


@pytest.mark.parametrize(
    ("text", "rows", "reason"),
    [
        ('{"rows": [{"a": 1}, {"a": 2}]', 2, "object is cut short"),
        ('{"rows": [{"a": 1}, {"a": 2}], "next": [1, "', 2, "object is cut short"),
        ('{"rows": [{"a": 1}, {"a": 2}', 2, "array is cut short"),
        ('{"rows": [{"a": 1}, {"a": ', 1, "cut short"),
        ('{"rows": [{"a": 1}], n: 2}', 1, "a name in double quotes is missing"),
        ('{"rows": [{"a": 1}], "n" 2}', 1, "a colon is missing before '2}'"),
        ('{"rows": [{"a": 1}], "n": }', 1, "a value is missing"),
        ('{"rows": [{"a": 1}], "n": 1}}', 1, "not JSON"),
        ('{"rows": [{"a": 1}], "rows": [{"a": 2}]}', 1, "two members of that name"),
        ('[{"rows": [{"a": 1}]}] 7', 1, "more after"),
        ('{"rows": []}', 0, "is empty: it holds no rows at rows"),
    ],
)
def test_broken_document_yields_the_rows_before_the_error(
    read, write, text, rows, reason
):
    reading = read(write("a.json", text), rows_at="rows")
    assert [row["a"] for row in reading.rows] == list(range(1, rows + 1))
    assert reason in str(reading.error)


@pytest.mark.parametrize("size", range(1, 9))
def test_skipped_numbers_may_span_blocks(size):
    text = b'{"a": -2.5e-7, "b": 1E+9, "c": 0.5, "rows": [{"a": 1.5}], "d": 1.0}'
    blocks = (text[at : at + size] for at in range(0, len(text), size))
    options = SourceOptions(rows_at="rows")
    (batch,) = read_json(blocks, "x", options, lines=False)
    assert batch.rows.to_pylist() == [{"a": 1.5}]


def test_skipped_values_may_exceed_the_length_limit_of_rows(read, write, monkeypatch):
    monkeypatch.setattr(json_window, "MAX_ROW_BYTES", 4000)
    other = [{"t": 'x"]}' * 99, "é": []}] * 1_500
    for document in ({"o": other, "rows": ROWS}, {"rows": ROWS, "o": {"p": other}}):
        path = write("a.json", json.dumps(document, ensure_ascii=False))
        assert read(path, rows_at="rows").rows == ROWS
        # nor is it kept if the path leads nowhere
        (fault,) = read(path, rows_at="raws").unread
        assert len(fault.text) < 4000


@pytest.mark.parametrize(
    ("text", "path_to_rows"),
    [
        ('{"n": 2, "results": [{"a": 1}, {"a": 2}]}', "results"),
        ('{"data": {"n": 2, "items": [{"a": 1}, {"a": 2}]}}', "data.items"),
        ('{"my data": [{"a": 1}, {"a": 2}]}', "my data"),
        ('{"schema": {"fields": [{"b": 1}]}, "data": [{"a": 1}, {"a": 2}]}', "data"),
        ('{"a": 1, "tags": ["x"], "at": {"town": "Ede"}, "none": []}', None),
        ('{"results": [{"a": 1}]}\n{"results": [{"a": 2}]}', None),
    ],
)
def test_note_suggests_the_path_of_rows_within_a_single_row(
    read, write, name, text, path_to_rows
):
    path = write(name, text + "\n")
    source = open_source(path, SourceOptions())
    list(source)
    assert bool(source.notes) == bool(path_to_rows)
    for note in source.notes:
        shown = f"'{path_to_rows}'" if " " in path_to_rows else path_to_rows
        assert f"{name} is one row, in which {path_to_rows} holds 2 objects" in note
        assert f'use --rows-at {shown} (rows_at = "{path_to_rows}")' in note
        assert read(path, rows_at=path_to_rows).rows == ROWS


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"id": {"0": 1, "1": 2}, "price": {"0": 5, "1": None}}, "(0, 1)"),
        ({"0": {"id": 1, "price": 5}, "1": {"id": 2, "price": 6}}, "(id, price)"),
        (
            {"id": dict.fromkeys("abcde", 1), "n": dict.fromkeys("abcde")},
            "(a, b, c and",
        ),
        ({"id": 1, "asked": {"eur": 1, "usd": 2}, "paid": {"eur": 1, "usd": 2}}, None),
        ({"at": {"town": "Ede", "zip": 1}, "by": {"name": "x", "tel": 2}}, None),
        ({"at": {"town": "Ede"}, "by": {"town": "Ede"}}, None),
        ({"at": {"town": "Ede", "zip": 1}}, None),
    ],
)
def test_a_frame_written_by_columns_is_told(write, name, document, told):
    source = open_source(write(name, json.dumps(document)), SourceOptions())
    list(source)
    assert bool(source.notes) == bool(told)
    for note in source.notes:
        assert told in note
        assert "orient='records'" in note


def test_note_suggests_a_deeper_path(write, name):
    path = write(name, json.dumps({"data": {"n": 2, "items": ROWS}}))
    source = open_source(path, SourceOptions(rows_at="data"))
    list(source)
    (note,) = source.notes
    assert "use --rows-at data.items" in note


def test_rows_of_lines_longer_than_a_chunk_are_read(read, write, monkeypatch):
    monkeypatch.setattr(chunking, "PARSED_BYTES", 64)
    pages = [{"n": n, "rows": [{"a": n}] * 20} for n in range(9)]
    path = write("a.ndjson", "\n".join(map(json.dumps, pages)))
    reading = read(path, rows_at="rows", chunk_rows=7)
    assert reading.rows == [row for page in pages for row in page["rows"]]


def test_rows_at_is_refused_for_other_formats(write):
    options = SourceOptions(rows_at="x", explicit=frozenset({"rows_at"}))
    with pytest.raises(
        ConfigError, match=r"rows_at does not .*only to ndjson and json"
    ):
        open_source(write("a.csv", "a\n1\n"), options)
