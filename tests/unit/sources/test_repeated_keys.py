"""A map with a repeated key rejects its row alone."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from propload.batch import Batch, Unread

MAP = pa.map_(pa.string(), pa.int64())
ONCE, TWICE = [("a", 1), ("b", 2)], [("a", 1), ("b", 2), ("a", 3)]
MESSAGE = (
    "column x: one of its maps has the key 'a' twice, which would lose a value: "
    "write each key once"
)
#: The second and the last value have a key twice.
COLUMNS = {
    "map": pa.array([ONCE, TWICE, None, TWICE], MAP),
    "list": pa.array([[ONCE], [[], TWICE], [], [TWICE]], pa.list_(MAP)),
    "struct": pa.StructArray.from_arrays(
        [pa.array([ONCE, TWICE, None, TWICE], MAP)], ["k"]
    ),
    "values": pa.array(
        [[("k", one)] for one in (ONCE, TWICE, None, TWICE)], pa.map_(pa.string(), MAP)
    ),
}


def write_or_return(table, form, tmp_path):
    path = str(tmp_path / f"a.{form}")
    if form == "parquet":
        pq.write_table(table, path)
    elif form == "arrow":
        pyarrow.feather.write_feather(table, path)
    return path if form in ("parquet", "arrow") else table


@pytest.mark.parametrize("form", ["parquet", "arrow", "frame"])
@pytest.mark.parametrize("kind", COLUMNS)
def test_only_rows_with_repeated_keys_are_rejected(read, tmp_path, kind, form):
    table = pa.table({"id": [10, 20, 30, 40], "x": COLUMNS[kind]})
    reading = read(write_or_return(table, form, tmp_path))
    assert reading.error is None
    assert [row["id"] for row in reading.rows] == [10, 30]
    assert reading.numbers == [1, 3]
    faults = [(fault.row, fault.check, fault.message) for fault in reading.unread]
    assert faults == [(2, "map", MESSAGE), (4, "map", MESSAGE)]
    assert "'id': 20" in reading.unread[0].text
    assert reading.batches[0].created_as == {"x": "jsonb"}


def test_row_with_several_repeated_keys_is_rejected_once_in_order(read):
    texts = pa.array([b"x", b"x", b"\xff", b"x"]).cast(pa.binary()).view(pa.string())
    maps = COLUMNS["map"]
    reading = read(pa.table({"x": maps, "text": texts, "y": maps}))
    assert [(fault.row, fault.check) for fault in reading.unread] == [
        (2, "map"),
        (3, "encoding"),
        (4, "map"),
    ]
    assert reading.numbers == [1]


def test_keys_with_the_same_text_count_as_repeated(read):
    numbers = pa.map_(pa.float64(), pa.int64())
    values = [[(0.0, 1), (-0.0, 2)], [(1.5, 1)], [(float("nan"), 1), (float("nan"), 2)]]
    reading = read(pa.table({"x": pa.array(values, numbers)}))
    assert reading.rows == [{"x": '{"1.5": 1}'}]
    assert [fault.row for fault in reading.unread] == [1, 3]


def test_row_numbers_of_given_batches_are_kept(read):
    rows = pa.record_batch({"id": [10, 20, 30, 40], "x": COLUMNS["map"]})
    before = Unread(5, "oops", "json", "is no JSON")
    batches = [
        Batch(rows, "a", 2, (2, 4, 6, 8), unread=(before,)),
        Batch(rows, "a", 11),
    ]
    reading = read(iter(batches))
    assert reading.numbers == [2, 6, 11, 13]
    assert [fault.row for fault in reading.unread] == [4, 5, 8, 12, 14]


def test_object_with_keys_of_the_same_text_rejects_its_row(read):
    rows = [
        {"x": {1: "a"}},
        {"x": {1: "a", "1": "b"}},
        {"x": {"in": [{None: 1, "null": 2}]}},
    ]
    reading = read(rows)
    assert reading.rows == [{"x": '{"1": "a"}'}]
    assert [(fault.row, fault.check) for fault in reading.unread] == [
        (2, "value"),
        (3, "value"),
    ]
    assert reading.unread[0].message == (
        "column x: a value cannot be stored: an object has the key '1' twice, as a "
        "text and as another value"
    )
    assert "the key 'null' twice" in reading.unread[1].message
