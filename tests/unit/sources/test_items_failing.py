"""Iterables that fail, and objects that are no iterable of rows."""

from __future__ import annotations

import asyncio
import io
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count

import pytest

from propload.errors import ConfigError
from propload.options import SourceOptions
from propload.sources import open_source


def test_failing_generator_yields_its_rows_before_the_error(read):
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


def test_error_for_cursor_bound_to_its_thread_says_what_to_do(read):
    with closing(sqlite3.connect(":memory:")) as connection:
        cursor = connection.execute("SELECT 1 AS id")
        with ThreadPoolExecutor(1) as executor:
            # a run reads its source in a thread of its own
            error = executor.submit(read, cursor).result(10).error
    assert error is not None
    assert "sqlite3.connect(..., check_same_thread=False)" in str(error)
    assert isinstance(error.__cause__, sqlite3.ProgrammingError)


class Uncaught(BaseException):
    """An exception that `except Exception` does not catch."""


@pytest.mark.parametrize(
    "exit_type",
    [asyncio.CancelledError, SystemExit, GeneratorExit, KeyboardInterrupt, Uncaught],
)
def test_rows_before_an_exit_are_yielded_and_the_exit_is_reraised(exit_type):
    def rows():
        yield {"a": 1}
        yield {"a": 2}
        raise exit_type

    read_batches = []
    batches = iter(open_source(rows(), SourceOptions()))
    with pytest.raises(exit_type):
        read_batches.extend(batch.rows.to_pylist() for batch in batches)
    assert read_batches == [[{"a": 1}, {"a": 2}]]


def test_closed_source_yields_no_more_batches():
    batches = iter(
        open_source(({"a": n} for n in count()), SourceOptions(chunk_rows=5))
    )
    next(batches)
    batches.close()
    assert next(batches, None) is None


def test_error_before_the_first_row_says_so(read):
    def rows():
        msg = "no line at all"
        raise OSError(msg)
        yield {}

    assert "no line at all (before its first row)" in str(read(rows()).error)


async def async_rows():
    yield {"id": 1}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (5, "an int cannot be read: give a path"),
        (None, "None cannot be read: give a path"),
        ({"id": [1, 2]}, "a dict cannot be read: give a row in a list"),
        (type("DuckDBPyConnection", (), {})(), "a DuckDBPyConnection cannot be read: "),
        (
            async_rows(),
            "an async_generator cannot be read: put its rows into a propload.L",
        ),
    ],
)
def test_error_for_unreadable_object_says_what_to_give(source, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        open_source(source, SourceOptions())


def test_error_for_coroutine_says_to_await_it():
    coroutine = asyncio.Event().wait()
    with pytest.raises(ConfigError, match="a coroutine cannot be read: await it"):
        open_source(coroutine, SourceOptions())
    coroutine.close()


def test_propload_error_of_generator_is_not_wrapped():
    def rows():
        yield {"a": 1}
        msg = "wrong"
        raise ConfigError(msg)

    with pytest.raises(ConfigError, match=r"^wrong$"):
        list(open_source(rows(), SourceOptions()))


@pytest.mark.parametrize("empty", [[], (), iter(())])
def test_empty_iterable_is_refused(read, empty):
    assert "empty" in str(read(empty).error)


@pytest.mark.parametrize("make", [list, iter])
def test_unreadable_items_alone_are_rejected_without_an_error(read, make):
    reading = read(make([1, 2, 3]))
    assert (reading.rows, len(reading.unread)) == ([], 3)


def test_open_file_is_refused():
    with pytest.raises(ConfigError, match="an open file cannot be read"):
        open_source(io.StringIO("id\n1\n"), SourceOptions())
