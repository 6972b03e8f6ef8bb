"""Items of every kind are read as rows, in batches of limited size."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict, UserDict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy

from propload.options import SourceOptions
from propload.sources import open_source, row_batches
from propload.sources.items import ItemSource
from propload.sources.row_batches import RowBatchBuilder
from tests.unit.sources.kinds import Attrs, Data, Item, Model, Pair, Struct


@dataclass
class Unset:
    """A row with a field that was never assigned."""

    a: int
    b: int = field(init=False)


class Gone(Mapping):
    """A row whose values can no longer be fetched, as after its session was closed."""

    def __iter__(self):
        return iter(["a"])

    def __len__(self):
        return 1

    def __getitem__(self, name):
        raise LookupError(name)


@pytest.mark.parametrize(
    "kind", [dict, Data, Attrs, Model, Struct, Item, Pair, OrderedDict]
)
def test_every_kind_of_item_is_read_as_row(read, kind):
    rows = [kind(id=place, name=f"n{place}") for place in range(3)]
    expected = [{"id": place, "name": f"n{place}"} for place in range(3)]
    assert read(rows).rows == expected
    assert read(row for row in rows).rows == expected


def test_mapping_is_read_as_row(read):
    assert read([UserDict(id=1)]).rows == [{"id": 1}]


def test_list_can_be_read_again_and_generator_cannot():
    rows = [{"a": 1}]
    listed = open_source(rows, SourceOptions())
    assert listed.rereadable
    generated = open_source(iter(rows), SourceOptions())
    assert not generated.rereadable
    assert generated.fingerprint() is None


def test_new_keys_widen_only_later_batches(read):
    rows = [{"a": 1}, {"a": 2}, {"b": "x"}, {"a": 3, "b": "y"}]
    reading = read(rows, chunk_rows=2)
    assert reading.batches[0].rows.schema.names == ["a"]
    assert reading.batches[1].rows.to_pylist() == [
        {"a": None, "b": "x"},
        {"a": 3, "b": "y"},
    ]


def test_item_that_is_no_row_is_rejected_alone(read):
    reading = read([{"a": 1}, None, {}, {"a": 2}, {"a": "\ud800"}, {"a": 3}])
    assert reading.tuples == [(1,), (2,), (3,)]
    assert reading.numbers == [1, 4, 6]
    assert [(f.row, f.check) for f in reading.unread] == [
        (2, "item"),
        (3, "item"),
        (5, "value"),
    ]


@pytest.mark.parametrize(
    ("item", "advice"),
    [
        ((1, "a"), "a tuple is not a row: its values have no names. Give dicts"),
        ([1, "a"], "a list is not a row: its values have no names. Give dicts"),
        (Path("a.csv"), "Path is not a row: files are read from a list of their paths"),
        (7, "an int is not a row: give dicts, dataclasses"),
    ],
)
def test_message_for_item_that_is_no_row_says_what_to_give(read, item, advice):
    [fault] = read(iter([{"a": 1}, item])).unread
    assert advice in fault.message


def test_endless_generator_is_read_in_batches():
    source = open_source(({"a": n} for n in count()), SourceOptions(chunk_rows=10))
    batches = iter(source)
    assert [next(batches).rows.num_rows for _ in range(3)] == [10, 10, 10]


@pytest.mark.parametrize("make", [list, iter])
@pytest.mark.parametrize("bad", [Unset(1), Gone()])
def test_item_whose_fields_cannot_be_read_is_rejected_alone(read, make, bad):
    reading = read(make([{"a": 1}, bad, {"a": 2}]))
    assert (reading.tuples, reading.numbers) == ([(1,), (2,)], [1, 3])
    [fault] = reading.unread
    assert (fault.row, fault.check) == (2, "item")
    assert f"the {type(bad).__name__} cannot be turned into a row: " in fault.message
    assert reading.error is None


@pytest.mark.parametrize("make", [list, iter])
@pytest.mark.parametrize("step", [1, 10])
def test_rejected_items_count_towards_a_full_batch(read, make, step):
    # otherwise all of them would be held in memory until the end
    items = [n if n % step == 0 else {"a": n} for n in range(500)]
    reading = read(make(items), chunk_rows=20)
    assert {batch.height for batch in reading.batches} == {20}
    assert [fault.row for fault in reading.unread] == list(range(1, 501, step))
    assert len(reading.rows) + len(reading.unread) == 500


def test_large_rejected_items_make_short_batches(read):
    reading = read((b"x" * 1000 for _ in range(500)), chunk_bytes=10_000)
    assert max(len(batch.unread) for batch in reading.batches) <= 20
    assert len(reading.unread) == 500


def test_large_rows_make_short_batches(read):
    rows = ({"page": "x" * 1000} for _ in range(500))
    reading = read(rows, chunk_bytes=10_000)
    assert max(batch.rows.num_rows for batch in reading.batches) <= 20
    assert len(reading.rows) == 500


@pytest.mark.parametrize("chunk_rows", [1, 50, 64, 1000])
def test_list_is_cut_into_the_same_batches_as_an_iterator(read, chunk_rows):
    rows = [{"id": place, "text": "x" * (place % 7)} for place in range(500)]
    rows[70], rows[200], rows[300] = None, {"id": "\ud800"}, {"other": 1}
    listed = read(rows, chunk_rows=chunk_rows)
    iterated = read(iter(rows), chunk_rows=chunk_rows)
    assert [one.rows for one in listed.batches] == [
        one.rows for one in iterated.batches
    ]
    assert listed.numbers == iterated.numbers
    assert listed.unread == iterated.unread


def test_list_of_large_rows_makes_short_batches(read):
    reading = read([{"page": "x" * 1000}] * 500, chunk_bytes=10_000)
    assert max(batch.rows.num_rows for batch in reading.batches) <= 20
    assert len(reading.rows) == 500


def test_batch_is_due_if_its_rows_come_slowly(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(row_batches.time, "monotonic", lambda: next(clock))
    builder = RowBatchBuilder("x", SourceOptions())
    assert builder.add({"a": 1})
    assert sum(batch.rows.num_rows for batch in builder.flush()) == 1


def sqlite_rows():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT 1 AS id, 'a' AS name").fetchall()


def sqlalchemy_rows():
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        return connection.execute(
            sqlalchemy.text("SELECT 1 AS id, 'a' AS name")
        ).fetchall()


@pytest.mark.parametrize("fetch", [sqlite_rows, sqlalchemy_rows])
def test_database_rows_are_read(read, fetch):
    assert read(fetch()).rows == [{"id": 1, "name": "a"}]


def test_batches_of_list_do_not_depend_on_reading_speed(monkeypatch):
    clock = count(0, 100)
    monkeypatch.setattr(row_batches.time, "monotonic", lambda: next(clock))
    # one item that is no dict makes the list be read item by item
    rows = [{"id": n} for n in range(9)] + [OrderedDict(id=9), 10]
    source = ItemSource(rows, SourceOptions(chunk_rows=4), name="rows")
    assert [batch.height for batch in source] == [4, 4, 3]
