from __future__ import annotations

import asyncio
import datetime as dt
import io
import re
import sqlite3
from collections import OrderedDict, UserDict, namedtuple
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from itertools import count

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
import scrapy
import sqlalchemy

from propload.batch import Batch, Unread
from propload.errors import ConfigError
from propload.options import SourceOptions
from propload.sources import items, open_source
from propload.sources.items import ItemSource, RowBatches
from propload.testing import MemorySource


@dataclass
class Data:
    id: int
    name: str


@attrs.define
class Attrs:
    id: int
    name: str


class Model(pydantic.BaseModel):
    id: int
    name: str


class Item(scrapy.Item):
    id = scrapy.Field()
    name = scrapy.Field()


Pair = namedtuple("Pair", ["id", "name"])  # noqa: PYI024 - the kind without types


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


def test_a_failing_generator_gives_the_rows_before(read):
    def rows():
        yield {"a": 1}
        yield {"a": 2}
        msg = "the line broke"
        raise OSError(msg)

    reading = read(rows())
    assert reading.tuples == [(1,), (2,)]
    assert reading.error is not None
    assert "rows failed with OSError: the line broke (after row 2)" in str(
        reading.error
    )
    assert isinstance(reading.error.__cause__, OSError)
    assert reading.error.row == 2


class Left(BaseException):
    """What no `except Exception` hears."""


@pytest.mark.parametrize(
    "kind", [asyncio.CancelledError, SystemExit, GeneratorExit, KeyboardInterrupt, Left]
)
def test_rows_before_an_exit_are_given_and_the_exit_is_raised_again(kind):
    def rows():
        yield {"a": 1}
        yield {"a": 2}
        raise kind

    given = []
    batches = iter(open_source(rows(), SourceOptions()))
    with pytest.raises(kind):
        given.extend(batch.rows.to_pylist() for batch in batches)
    assert given == [[{"a": 1}, {"a": 2}]]


def test_who_closes_a_source_is_given_no_more():
    batches = iter(
        open_source(({"a": n} for n in count()), SourceOptions(chunk_rows=5))
    )
    next(batches)
    batches.close()
    assert next(batches, None) is None


FRAMES = [
    pl.DataFrame,
    pd.DataFrame,
    lambda rows: pl.DataFrame(rows).lazy(),
    pa.Table.from_pylist,
    pa.RecordBatch.from_pylist,
    lambda rows: pa.Table.from_pylist(rows).to_reader(),
]


@pytest.mark.parametrize("make", FRAMES)
@pytest.mark.parametrize("given", [list, iter])
def test_frames_among_items_stand_for_their_rows(read, make, given):
    items = [
        {"a": 0},
        make([{"a": 1}, {"a": 2}, {"a": 3}]),
        make([{"a": 4, "b": "x"}]),
        None,
        {"a": 6},
        make([{"a": 7}]),
    ]
    reading = read(given(items), chunk_rows=2)
    assert [row["a"] for row in reading.rows] == [0, 1, 2, 3, 4, 6, 7]
    assert [row["b"] for row in reading.rows if row.get("b")] == ["x"]
    assert reading.numbers == [1, 2, 3, 4, 5, 7, 8]
    assert [fault.row for fault in reading.unread] == [6]
    assert max(batch.rows.num_rows for batch in reading.batches) == 2
    assert len({batch.source for batch in reading.batches}) == 1


def test_a_csv_file_that_pandas_reads_in_chunks_is_its_rows(read):
    chunks = pd.read_csv(io.StringIO("a,b\n1,x\n2,y\n3,z\n"), chunksize=2)
    reading = read(chunks)
    assert reading.tuples == [(1, "x"), (2, "y"), (3, "z")]
    assert reading.numbers == [1, 2, 3]


def test_batches_among_items_keep_where_their_rows_stood(read):
    one = Batch(pa.record_batch({"a": [1, 2]}), "one.csv", 1)
    other = Batch(
        pa.record_batch({"a": [3]}), "other.csv", 5, unread=(Unread(6, "x", "y", "z"),)
    )
    reading = read([one, other, {"a": 4}])
    assert reading.tuples == [(1,), (2,), (3,), (4,)]
    assert [batch.source for batch in reading.batches] == [
        "one.csv",
        "other.csv",
        "list",
    ]
    assert reading.numbers == [1, 2, 5, 5]
    assert read(one).tuples == [(1,), (2,)]


def test_a_source_in_memory_is_its_rows(read):
    assert read(MemorySource([{"a": n} for n in range(25)])).numbers == [*range(1, 26)]


@pytest.mark.parametrize("make", [list, iter])
def test_an_empty_frame_among_items_is_no_row_and_no_fault(read, make):
    frame = pl.DataFrame({"a": [1]})
    reading = read(make([frame.head(0), frame, frame.head(0), {"a": 2}]))
    assert (reading.tuples, reading.numbers) == ([(1,), (2,)], [1, 2])
    assert read(make([frame.head(0)])).error is None


@pytest.mark.parametrize(
    "series", [pd.Series([1]), pd.Series({"a": 1}), pl.Series([1])]
)
def test_a_series_is_no_row(read, series):
    reading = read([{"a": 1}, series])
    assert reading.tuples == [(1,)]
    assert [fault.check for fault in reading.unread] == ["item"]


def test_frames_are_asked_for_as_they_are_read():
    asked = []

    def frames():
        for number in count():
            asked.append(number)
            yield pl.DataFrame({"a": [number] * 10})

    batches = iter(open_source(frames(), SourceOptions(chunk_rows=5)))
    next(batches)
    next(batches)
    assert asked == [0]


def test_a_generator_that_fails_at_once_has_no_row_to_name(read):
    def rows():
        msg = "no line at all"
        raise OSError(msg)
        yield {}

    assert "no line at all (before its first row)" in str(read(rows()).error)


async def later():
    yield {"id": 1}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (5, "an int cannot be read: give a path"),
        (None, "None cannot be read: give a path"),
        ({"id": [1, 2]}, "a dict cannot be read: give a row in a list"),
        (later(), "an async_generator cannot be read: put its rows into a propload.L"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_give_instead(source, said):
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}"):
        open_source(source, SourceOptions())


def test_what_is_still_to_be_awaited_is_said_to_be():
    waiting = asyncio.Event().wait()
    with pytest.raises(ConfigError, match="a coroutine cannot be read: await it"):
        open_source(waiting, SourceOptions())
    waiting.close()


def test_an_error_of_propload_passes_as_it_is():
    def rows():
        yield {"a": 1}
        msg = "wrong"
        raise ConfigError(msg)

    with pytest.raises(ConfigError, match=r"^wrong$"):
        list(open_source(rows(), SourceOptions()))


@pytest.mark.parametrize("nothing", [[], (), iter(())])
def test_no_rows_at_all_are_refused(read, nothing):
    assert "empty" in str(read(nothing).error)


def test_an_endless_generator_is_read_in_batches():
    source = open_source(({"a": n} for n in count()), SourceOptions(chunk_rows=10))
    batches = iter(source)
    assert [next(batches).rows.num_rows for _ in range(3)] == [10, 10, 10]


def test_large_rows_make_short_batches(read):
    rows = ({"page": "x" * 1000} for _ in range(500))
    reading = read(rows, chunk_bytes=10_000)
    assert max(batch.rows.num_rows for batch in reading.batches) <= 20
    assert len(reading.rows) == 500


@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict])
def test_a_row_that_is_changed_and_given_again_is_as_many_rows(read, kind):
    def rows():
        row = kind()
        for number in range(200):
            row["id"], row["name"] = number, f"n{number}"
            yield row

    expected = [{"id": number, "name": f"n{number}"} for number in range(200)]
    assert read(rows()).rows == expected


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


@pytest.mark.parametrize("make", [list, iter])
def test_only_rows_that_cannot_be_read_make_no_row(read, make):
    reading = read(make([1, 2, 3]))
    assert (reading.rows, len(reading.unread)) == ([], 3)


def test_a_slow_producer_does_not_wait(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(items.time, "monotonic", lambda: next(clock))
    maker = RowBatches("x", SourceOptions())
    assert maker.add({"a": 1})
    assert sum(batch.rows.num_rows for batch in maker.flush()) == 1


def test_nested_values_are_json_text(read):
    class Colour(Enum):
        RED = "red"

    rows = [
        {
            "a": Data(1, "x"),
            "b": Colour.RED,
            "c": (1, 2),
            "d": {"on": dt.date(2024, 1, 2)},
        }
    ]
    assert read(rows).rows == [
        {
            "a": '{"id": 1, "name": "x"}',
            "b": "red",
            "c": [1, 2],
            "d": '{"on": "2024-01-02"}',
        }
    ]


def test_a_name_that_is_no_text_is_told(read):
    reading = read([{"a": 1}, {2: 1, "a": 2}])
    assert reading.rows == [{"a": 1}]
    assert "the name 2 is not a text" in reading.unread[0].message


def test_an_open_file_is_no_iterable_of_rows():
    with pytest.raises(ConfigError, match="an open file cannot be read"):
        open_source(io.StringIO("id\n1\n"), SourceOptions())


class Untold:
    """Neither text can be had of it."""

    def __str__(self):
        msg = "no text today"
        raise KeyError(msg)

    __repr__ = __str__


@pytest.mark.parametrize("make", [list, iter])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((n for n in "ab"), "a generator is not a value: make a list of it"),
        (Untold(), "an Untold has no text: it raised KeyError"),
        ({"b": [Untold()]}, "an Untold has no text: it raised KeyError"),
        ([object()], "an object is not a value"),
    ],
)
def test_a_value_that_is_none_costs_its_row(read, make, value, message):
    reading = read(make([{"a": "x"}, {"a": value}, {"a": "y"}]))
    assert reading.tuples == [("x",), ("y",)]
    assert [(fault.row, fault.check) for fault in reading.unread] == [(2, "value")]
    start = "column a: a value cannot be stored: "
    assert reading.unread[0].message.startswith(start + message)


def test_what_is_within_a_row_may_be_changed_and_given_again(read):
    def rows():
        at, tags, raw = {"x": 0, "deep": [[0]]}, [], bytearray(b"0")
        for place in range(3):
            at["x"] = at["deep"][0][0] = place
            tags.append(place)
            raw[0] = 48 + place
            yield {"id": place, "at": at, "tags": tags, "raw": raw}

    assert read(rows()).tuples == [
        (0, '{"x": 0, "deep": [[0]]}', [0], b"0"),
        (1, '{"x": 1, "deep": [[1]]}', [0, 1], b"1"),
        (2, '{"x": 2, "deep": [[2]]}', [0, 1, 2], b"2"),
    ]


def test_rows_of_a_generator_get_the_types_that_those_of_a_list_get():
    rows = [
        {
            "id": np.int64(1),
            "v": [np.int64(1)],
            "w": {"a": dt.date(2024, 1, 2)},
            "x": [],
        },
        {"id": 2, "v": [2, None], "w": None, "x": [[1]]},
    ]
    (listed,) = open_source(rows, SourceOptions())
    (given,) = open_source(iter(rows), SourceOptions())
    assert given.rows.schema.equals(listed.rows.schema, check_metadata=True)
    assert given.rows == listed.rows


def test_a_value_within_a_row_that_is_none_still_costs_its_row(read):
    circle = []
    circle.append(circle)
    rows = iter([{"id": 1}, {"id": 2, "v": [{"a": len}]}, {"id": 3, "v": circle}])
    reading = read(rows)
    assert [row["id"] for row in reading.rows] == [1]
    assert [fault.row for fault in reading.unread] == [2, 3]
    assert "column v" in reading.unread[0].message


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
    monkeypatch.setattr(items.time, "monotonic", lambda: next(clock))
    # one that is no dict has the others looked at one by one
    rows = [{"id": n} for n in range(9)] + [OrderedDict(id=9), 10]
    source = ItemSource(rows, SourceOptions(chunk_rows=4), name="rows")
    assert [batch.height for batch in source] == [4, 4, 3]
