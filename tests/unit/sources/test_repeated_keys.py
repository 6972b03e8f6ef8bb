"""A map that has a key twice costs its row alone."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from propload.batch import Batch, Unread

MAP = pa.map_(pa.string(), pa.int64())
ONCE, TWICE = [("a", 1), ("b", 2)], [("a", 1), ("b", 2), ("a", 3)]
TOLD = (
    "column x: one of its maps has the key 'a' twice, which would lose a value: "
    "write each key once"
)
#: Values of which the second and the last have a key twice.
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


def written(table, way, tmp_path):
    path = str(tmp_path / f"a.{way}")
    if way == "parquet":
        pq.write_table(table, path)
    elif way == "arrow":
        pyarrow.feather.write_feather(table, path)
    return path if way in ("parquet", "arrow") else table


@pytest.mark.parametrize("way", ["parquet", "arrow", "frame"])
@pytest.mark.parametrize("kind", COLUMNS)
def test_each_costs_its_own_row(read, tmp_path, kind, way):
    table = pa.table({"id": [10, 20, 30, 40], "x": COLUMNS[kind]})
    found = read(written(table, way, tmp_path))
    assert found.error is None
    assert [row["id"] for row in found.rows] == [10, 30]
    assert found.numbers == [1, 3]
    told = [(fault.row, fault.check, fault.message) for fault in found.unread]
    assert told == [(2, "map", TOLD), (4, "map", TOLD)]
    assert "'id': 20" in found.unread[0].text
    assert found.batches[0].created_as == {"x": "jsonb"}


def test_a_row_is_told_once_and_among_others(read):
    texts = pa.array([b"x", b"x", b"\xff", b"x"]).cast(pa.binary()).view(pa.string())
    maps = COLUMNS["map"]
    found = read(pa.table({"x": maps, "text": texts, "y": maps}))
    assert [(fault.row, fault.check) for fault in found.unread] == [
        (2, "map"),
        (3, "encoding"),
        (4, "map"),
    ]
    assert found.numbers == [1]


def test_keys_of_one_text_are_one(read):
    numbers = pa.map_(pa.float64(), pa.int64())
    values = [[(0.0, 1), (-0.0, 2)], [(1.5, 1)], [(float("nan"), 1), (float("nan"), 2)]]
    found = read(pa.table({"x": pa.array(values, numbers)}))
    assert found.rows == [{"x": '{"1.5": 1}'}]
    assert [fault.row for fault in found.unread] == [1, 3]


def test_of_batches_that_are_given_the_numbers_stay(read):
    rows = pa.record_batch({"id": [10, 20, 30, 40], "x": COLUMNS["map"]})
    before = Unread(5, "oops", "json", "is no JSON")
    given = [Batch(rows, "a", 2, (2, 4, 6, 8), unread=(before,)), Batch(rows, "a", 11)]
    found = read(iter(given))
    assert found.numbers == [2, 6, 11, 13]
    assert [fault.row for fault in found.unread] == [4, 5, 8, 12, 14]


def test_an_object_whose_keys_are_of_one_text_costs_its_row(read):
    rows = [
        {"x": {1: "a"}},
        {"x": {1: "a", "1": "b"}},
        {"x": {"in": [{None: 1, "null": 2}]}},
    ]
    found = read(rows)
    assert found.rows == [{"x": '{"1": "a"}'}]
    assert [(fault.row, fault.check) for fault in found.unread] == [
        (2, "value"),
        (3, "value"),
    ]
    assert found.unread[0].message == (
        "column x: a value cannot be stored: an object has the key '1' twice, as a "
        "text and as another value"
    )
    assert "the key 'null' twice" in found.unread[1].message
