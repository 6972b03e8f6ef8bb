"""Rejected rows are exported in parts that equal the whole."""

import tracemalloc

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.rejecting import reading
from propload.rejecting.exporting import ExportedRows
from propload.rejecting.reading import read_rejects
from tests.unit.rejecting.rows import line

OBJECTS = [{"a": "x", "b": {"c": ["y"]}}, None, {"a": None, "b": {"c": []}}]
LISTS = [[1], [], [2.5], None, [2**53]]


@pytest.fixture
def write(tmp_path):
    def write(rows):
        path = tmp_path / "20260101-ab.ndjson"
        lines = (line(row, number) for number, row in enumerate(rows, 1))
        path.write_text("".join(lines), encoding="utf-8")
        return path

    return write


def export(path):
    with path.open("rb") as file:
        rows = ExportedRows(file, path)
        return rows, list(rows.frames())


def read_at_once(path):
    frame = read_rejects(path)
    return frame.select(
        name
        for name in frame.columns
        if not name.startswith("propload_") or name == "propload_reasons"
    )


@pytest.mark.parametrize("rows_at_once", [1, 2, 100])
@pytest.mark.parametrize(
    "values",
    [
        ["a", None, "b"],
        [None, None],
        [1, None, -2],
        [1, 2.5, 3],
        [1.5, 2**53],
        [1.5, 2**53 + 1],
        [2**53 + 1, 1.5],
        [1, 2**64],
        [True, None, False],
        [True, 1],
        [1, "b", 2.0, None],
        [["a"], [], None, ["b", None]],
        [["a"], [1]],
        [[True], [1]],
        [[None], [2]],
        LISTS,
        [*LISTS, [2**53 + 1]],
        [*LISTS, "text"],
        OBJECTS,
        [*OBJECTS, {"a": "x"}],
        [*OBJECTS, {"b": {"c": ["z"]}, "a": "y"}],
        [{"a": 1}, {"a": "x"}],
        [{"a": "x"}, ["x"], "x"],
        [{"a": None}, {"a": 2}],
        [{"a": 1, "b": 2}, {"b": 3, "a": 4}],
        [[["a"]], [[]], [["b", None]]],
        [{}, None, {}],
    ],
)
def test_parts_have_the_types_and_values_of_the_whole(
    values, rows_at_once, write, monkeypatch
):
    path = write([{"id": "1", "of": value} for value in values])
    whole = read_at_once(path)
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", rows_at_once)
    rows, frames = export(path)
    assert rows.rows == len(values)
    assert len(frames) == -(-len(values) // rows_at_once)
    assert all(frame.schema == whole.schema for frame in frames)
    assert pl.concat(frames).equals(whole)


def test_every_part_has_the_columns_of_all_rows(write, monkeypatch):
    rows = [{"id": 1}, {"price": "5"}, None, {"id": 2, "propload_time": "x"}, {"b": []}]
    path = write(rows)
    whole = read_at_once(path)
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", 2)
    _, frames = export(path)
    assert pl.concat(frames).equals(whole)
    assert read_at_once(path).equals(whole)
    assert frames[0].columns == ["id", "price", "b", "propload_reasons"]


def test_memory_does_not_hold_all_rows_at_once(write, monkeypatch):
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", 100)
    path = write([{"id": f"{n:01000}"} for n in range(5_000)])
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            rows = ExportedRows(file, path)
            assert sum(frame.height for frame in rows.frames()) == 5_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_long_row_is_a_part_of_its_own(write, monkeypatch):
    monkeypatch.setattr(reading, "BYTES_AT_ONCE", 1_000)
    _, frames = export(write([{"id": "x" * size} for size in (10, 10, 2_000, 10)]))
    assert [frame.height for frame in frames] == [2, 1, 1]


def test_file_without_rows_gives_one_empty_frame(write):
    rows, [frame] = export(write([]))
    assert (rows.rows, frame.columns, frame.height) == (0, ["propload_reasons"], 0)


def test_changes_of_the_file_after_opening_do_not_affect_the_export(write):
    path = write([{"id": 1}, {"id": 2}])
    with path.open("rb") as file:
        rows = ExportedRows(file, path)
        with path.open("a", encoding="utf-8") as more:
            more.write(line({"id": "x", "price": 5}))
        path.rename(path.with_suffix(".gone"))
        assert [frame["id"].to_list() for frame in rows.frames()] == [[1, 2]]


def test_invalid_line_is_an_error_before_the_first_part(write):
    path = write([{"id": 1}])
    path.write_text(path.read_text(encoding="utf-8") + "oops\n", encoding="utf-8")
    with path.open("rb") as file, pytest.raises(ConfigError, match="line 2: this is"):
        ExportedRows(file, path)
