"""Iterables that fail, and what is no iterable of rows at all."""

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


def test_what_its_own_thread_alone_may_read_is_told_with_what_to_do(read):
    with closing(sqlite3.connect(":memory:")) as line:
        cursor = line.execute("SELECT 1 AS id")
        with ThreadPoolExecutor(1) as other:
            # a run reads its source in a thread of its own
            error = other.submit(read, cursor).result(10).error
    assert error is not None
    assert "sqlite3.connect(..., check_same_thread=False)" in str(error)
    assert isinstance(error.__cause__, sqlite3.ProgrammingError)


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
        (type("DuckDBPyConnection", (), {})(), "a DuckDBPyConnection cannot be read: "),
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


@pytest.mark.parametrize("make", [list, iter])
def test_only_rows_that_cannot_be_read_make_no_row(read, make):
    reading = read(make([1, 2, 3]))
    assert (reading.rows, len(reading.unread)) == ([], 3)


def test_an_open_file_is_no_iterable_of_rows():
    with pytest.raises(ConfigError, match="an open file cannot be read"):
        open_source(io.StringIO("id\n1\n"), SourceOptions())
