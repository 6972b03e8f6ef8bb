"""All rejected rows of a file are read as one frame."""

import tracemalloc

import polars as pl
import pytest

from propload.rejecting import reading
from propload.rejecting.reading import read_rejects
from tests.unit.rejecting.rows import line

ROWS = [
    {"id": 1, "price": None, "in": {"a": 1}},
    {"id": 2.5, "price": 5, "in": {"a": 2}},
    None,
    {"id": 3, "price": "5 k.k.", "in": {"a": 2.5}},
    {"later": [1], "propload_row": "of before"},
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "20260101-ab.ndjson"
    lines = (line(row, number) for number, row in enumerate(ROWS, 1))
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("rows_at_once", [1, 2, 100])
def test_frame_does_not_depend_on_the_size_of_parts(path, rows_at_once, monkeypatch):
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", rows_at_once)
    frame = read_rejects(path)
    assert frame["id"].to_list() == [1.0, 2.5, None, 3.0, None]
    assert frame["price"].to_list() == [None, "5", None, "5 k.k.", None]
    assert frame["in"].to_list() == ['{"a": 1}', '{"a": 2}', None, '{"a": 2.5}', None]
    assert frame["later"].to_list() == [None, None, None, None, [1]]
    assert frame["propload_row"].to_list() == [1, 2, 3, 4, 5]
    assert frame["propload_reasons"][4] == "id: bad 5"
    assert frame.columns[:5] == ["id", "price", "in", "later", "propload_run"]


def test_rows_added_during_reading_are_not_in_the_frame(path, monkeypatch):
    reconvert = reading._reconvert

    def meanwhile(*args):
        with path.open("a", encoding="utf-8") as more:
            more.write(line({"id": 9}, 9))
        reconvert(*args)

    monkeypatch.setattr(reading, "_reconvert", meanwhile)
    assert read_rejects(path)["propload_row"].to_list() == [1, 2, 3, 4, 5]


def test_memory_does_not_hold_all_rows_as_objects(path):
    text = "".join(line({"id": f"{n:0200}"}, n) for n in range(10_000))
    path.write_text(text, encoding="utf-8")
    read_rejects(path)
    tracemalloc.start()
    try:
        assert read_rejects(path).height == 10_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # as objects, they would take ten times as much
    assert peak < 4_000_000


def test_missing_file_gives_an_empty_frame(path):
    path.unlink()
    frame = read_rejects(path)
    assert (frame.height, frame.schema["propload_row"]) == (0, pl.Int64)
