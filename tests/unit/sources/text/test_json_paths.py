"""Where a JSON document holds its rows."""

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
def test_rows_are_read_where_they_lie(read, write, name, document, rows_at):
    reading = read(write(name, json.dumps(document) + "\n"), rows_at=rows_at)
    assert reading.error is None
    assert (reading.rows, reading.unread) == (ROWS, [])


def test_one_object_where_rows_are_told_is_a_row(read, write, name):
    path = write(name, '{"data": {"id": 7, "at": "Ede"}, "ok": true}')
    assert read(path, rows_at="data").rows == [{"id": 7, "at": "Ede"}]


@pytest.mark.parametrize("between", ["", "\n", "\r\n", "\n\n"])
def test_documents_one_after_the_other_hold_rows_each(read, write, name, between):
    between = between or ("\n" if name == "a.ndjson" else " ")
    text = between.join(json.dumps({"n": 1, "results": [row]}) for row in ROWS)
    assert read(write(name, text), rows_at="results").rows == ROWS


def test_packed_documents_and_pipes_hold_rows_as_well(read, write, monkeypatch):
    text = json.dumps({"results": ROWS}, indent=1).encode()
    assert read(write("a.json.gz", gzip.compress(text)), rows_at="results").rows == ROWS
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert read("-", rows_at="results").rows == ROWS


@pytest.mark.parametrize(
    ("document", "rows_at", "why"),
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
def test_a_wrong_path_tells_the_names_that_are_there(
    read, write, name, document, rows_at, why
):
    reading = read(write(name, json.dumps(document)), rows_at=rows_at)
    message = str(reading.error)
    assert name in message
    assert why in message
    assert "(--rows-at)" in message or "null" in why


@pytest.mark.parametrize("bad", ['{"error": "slow down"}', "7", "[[1]]", "null"])
def test_a_page_without_rows_costs_one_row(read, write, name, bad):
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


def test_what_is_no_row_among_rows_costs_one(read, write, name):
    path = write(name, '{"rows": [{"a": 1}, 7, [], {"a": 1, "a": 2}, {"a": 3}]}')
    reading = read(path, rows_at="rows")
    if name == "a.ndjson":
        assert "the name 'a' occurs twice" in reading.unread[0].message
        return
    assert reading.tuples == [(1,), (3,)]
    assert [one.text for one in reading.unread] == ["7", "[]", '{"a": 1, "a": 2}']


@pytest.mark.parametrize(
    ("text", "rows", "why"),
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
def test_a_broken_document_gives_the_rows_before(read, write, text, rows, why):
    reading = read(write("a.json", text), rows_at="rows")
    assert [row["a"] for row in reading.rows] == list(range(1, rows + 1))
    assert why in str(reading.error)


@pytest.mark.parametrize("size", range(1, 9))
def test_numbers_beside_the_rows_may_be_cut_by_blocks(size):
    text = b'{"a": -2.5e-7, "b": 1E+9, "c": 0.5, "rows": [{"a": 1.5}], "d": 1.0}'
    blocks = (text[at : at + size] for at in range(0, len(text), size))
    options = SourceOptions(rows_at="rows")
    (batch,) = read_json(blocks, "x", options, lines=False)
    assert batch.rows.to_pylist() == [{"a": 1.5}]


def test_what_is_passed_over_may_be_longer_than_any_row(read, write, monkeypatch):
    monkeypatch.setattr(json_window, "MAX_ROW_BYTES", 4000)
    other = [{"t": 'x"]}' * 99, "é": []}] * 1_500
    for document in ({"o": other, "rows": ROWS}, {"rows": ROWS, "o": {"p": other}}):
        path = write("a.json", json.dumps(document, ensure_ascii=False))
        assert read(path, rows_at="rows").rows == ROWS
        # nor is it kept where no rows are found in it
        (fault,) = read(path, rows_at="raws").unread
        assert len(fault.text) < 4000


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"n": 2, "results": [{"a": 1}, {"a": 2}]}', "results"),
        ('{"data": {"n": 2, "items": [{"a": 1}, {"a": 2}]}}', "data.items"),
        ('{"my data": [{"a": 1}, {"a": 2}]}', "my data"),
        ('{"a": 1, "tags": ["x"], "at": {"town": "Ede"}, "none": []}', None),
        ('{"results": [{"a": 1}]}\n{"results": [{"a": 2}]}', None),
    ],
)
def test_rows_within_the_only_row_are_told(read, write, name, text, place):
    path = write(name, text + "\n")
    source = open_source(path, SourceOptions())
    list(source)
    assert bool(source.notes) == bool(place)
    for note in source.notes:
        shown = f"'{place}'" if " " in place else place
        assert f"{name} is one row, in which {place} holds 2 objects" in note
        assert f'use --rows-at {shown} (rows_at = "{place}")' in note
        assert read(path, rows_at=place).rows == ROWS


def test_a_place_that_is_not_deep_enough_is_told(write, name):
    path = write(name, json.dumps({"data": {"n": 2, "items": ROWS}}))
    source = open_source(path, SourceOptions(rows_at="data"))
    list(source)
    (note,) = source.notes
    assert "use --rows-at data.items" in note


def test_lines_longer_than_a_chunk_hold_rows(read, write, monkeypatch):
    monkeypatch.setattr(chunking, "PARSED_BYTES", 64)
    pages = [{"n": n, "rows": [{"a": n}] * 20} for n in range(9)]
    path = write("a.ndjson", "\n".join(map(json.dumps, pages)))
    reading = read(path, rows_at="rows", chunk_rows=7)
    assert reading.rows == [row for page in pages for row in page["rows"]]


def test_other_files_are_not_told_of_it(write):
    options = SourceOptions(rows_at="x", explicit=frozenset({"rows_at"}))
    with pytest.raises(
        ConfigError, match=r"rows_at does not .*only to ndjson and json"
    ):
        open_source(write("a.csv", "a\n1\n"), options)
