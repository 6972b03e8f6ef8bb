"""Items of every kind are rows, in batches that have an end."""

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
from tests.unit.sources.kinds import Attrs, Data, Item, Model, Pair


@dataclass
class Unset:
    """A row one of whose fields was never given a value."""

    a: int
    b: int = field(init=False)


class Gone(Mapping):
    """A row whose values are gone, as those of a session that was closed."""

    def __iter__(self):
        return iter(["a"])

    def __len__(self):
        return 1

    def __getitem__(self, name):
        raise LookupError(name)


@pytest.mark.parametrize("kind", [dict, Data, Attrs, Model, Item, Pair, OrderedDict])
def test_items_of_every_kind_are_rows(read, kind):
    rows = [kind(id=place, name=f"n{place}") for place in range(3)]
    expected = [{"id": place, "name": f"n{place}"} for place in range(3)]
    assert read(rows).rows == expected
    assert read(row for row in rows).rows == expected


def test_mappings_are_rows(read):
    assert read([UserDict(id=1)]).rows == [{"id": 1}]


def test_lists_are_read_again_and_generators_are_not():
    rows = [{"a": 1}]
    listed = open_source(rows, SourceOptions())
    assert listed.rereadable
    generated = open_source(iter(rows), SourceOptions())
    assert not generated.rereadable
    assert generated.fingerprint() is None


def test_later_keys_widen_later_batches(read):
    rows = [{"a": 1}, {"a": 2}, {"b": "x"}, {"a": 3, "b": "y"}]
    reading = read(rows, chunk_rows=2)
    assert reading.batches[0].rows.schema.names == ["a"]
    assert reading.batches[1].rows.to_pylist() == [
        {"a": None, "b": "x"},
        {"a": 3, "b": "y"},
    ]


def test_what_is_no_row_costs_one_row(read):
    reading = read([{"a": 1}, None, {}, {"a": 2}, {"a": "\ud800"}, {"a": 3}])
    assert reading.tuples == [(1,), (2,), (3,)]
    assert reading.numbers == [1, 4, 6]
    assert [(f.row, f.check) for f in reading.unread] == [
        (2, "item"),
        (3, "item"),
        (5, "value"),
    ]


@pytest.mark.parametrize(
    ("item", "instead"),
    [
        ((1, "a"), "a tuple is not a row: its values have no names. Give dicts"),
        ([1, "a"], "a list is not a row: its values have no names. Give dicts"),
        (Path("a.csv"), "Path is not a row: files are read from a list of their paths"),
        (7, "an int is not a row: give dicts, dataclasses"),
    ],
)
def test_what_is_no_row_is_told_with_what_to_give(read, item, instead):
    [fault] = read(iter([{"a": 1}, item])).unread
    assert instead in fault.message


def test_an_endless_generator_is_read_in_batches():
    source = open_source(({"a": n} for n in count()), SourceOptions(chunk_rows=10))
    batches = iter(source)
    assert [next(batches).rows.num_rows for _ in range(3)] == [10, 10, 10]


@pytest.mark.parametrize("kind", [list, iter])
@pytest.mark.parametrize("bad", [Unset(1), Gone()])
def test_an_item_whose_fields_cannot_be_read_costs_one_row(read, kind, bad):
    reading = read(kind([{"a": 1}, bad, {"a": 2}]))
    assert (reading.tuples, reading.numbers) == ([(1,), (2,)], [1, 3])
    [fault] = reading.unread
    assert (fault.row, fault.check) == (2, "item")
    assert f"the {type(bad).__name__} cannot be turned into a row: " in fault.message
    assert reading.error is None


@pytest.mark.parametrize("kind", [list, iter])
@pytest.mark.parametrize("share", [1, 10])
def test_what_is_no_row_fills_a_batch_as_well(read, kind, share):
    # else all of them would be held until the end, whatever their number
    items = [n if n % share == 0 else {"a": n} for n in range(500)]
    reading = read(kind(items), chunk_rows=20)
    assert {batch.height for batch in reading.batches} == {20}
    assert [fault.row for fault in reading.unread] == list(range(1, 501, share))
    assert len(reading.rows) + len(reading.unread) == 500


def test_large_items_that_are_no_rows_make_short_batches(read):
    reading = read((b"x" * 1000 for _ in range(500)), chunk_bytes=10_000)
    assert max(len(batch.unread) for batch in reading.batches) <= 20
    assert len(reading.unread) == 500


def test_large_rows_make_short_batches(read):
    rows = ({"page": "x" * 1000} for _ in range(500))
    reading = read(rows, chunk_bytes=10_000)
    assert max(batch.rows.num_rows for batch in reading.batches) <= 20
    assert len(reading.rows) == 500


@pytest.mark.parametrize("chunk_rows", [1, 50, 64, 1000])
def test_a_list_gives_the_batches_that_its_rows_give_one_by_one(read, chunk_rows):
    rows = [{"id": place, "text": "x" * (place % 7)} for place in range(500)]
    rows[70], rows[200], rows[300] = None, {"id": "\ud800"}, {"other": 1}
    listed = read(rows, chunk_rows=chunk_rows)
    given = read(iter(rows), chunk_rows=chunk_rows)
    assert [one.rows for one in listed.batches] == [one.rows for one in given.batches]
    assert listed.numbers == given.numbers
    assert listed.unread == given.unread


def test_a_list_of_large_rows_makes_short_batches(read):
    reading = read([{"page": "x" * 1000}] * 500, chunk_bytes=10_000)
    assert max(batch.rows.num_rows for batch in reading.batches) <= 20
    assert len(reading.rows) == 500


def test_a_slow_producer_does_not_wait(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(row_batches.time, "monotonic", lambda: next(clock))
    builder = RowBatchBuilder("x", SourceOptions())
    assert builder.add({"a": 1})
    assert sum(batch.rows.num_rows for batch in builder.flush()) == 1


def rows_of_sqlite():
    with closing(sqlite3.connect(":memory:")) as line:
        line.row_factory = sqlite3.Row
        return line.execute("SELECT 1 AS id, 'a' AS name").fetchall()


def rows_of_sqlalchemy():
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as line:
        return line.execute(sqlalchemy.text("SELECT 1 AS id, 'a' AS name")).fetchall()


@pytest.mark.parametrize("result", [rows_of_sqlite, rows_of_sqlalchemy])
def test_rows_of_a_database_are_rows(read, result):
    assert read(result()).rows == [{"id": 1, "name": "a"}]


def test_a_list_is_cut_at_the_same_rows_however_long_it_takes(monkeypatch):
    clock = count(0, 100)
    monkeypatch.setattr(row_batches.time, "monotonic", lambda: next(clock))
    # one that is no dict has the others looked at one by one
    rows = [{"id": n} for n in range(9)] + [OrderedDict(id=9), 10]
    source = ItemSource(rows, SourceOptions(chunk_rows=4), name="rows")
    assert [batch.height for batch in source] == [4, 4, 3]
