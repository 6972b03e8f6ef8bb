"""Calls the user's function that fixes rejected rows, and checks what it returns."""

from __future__ import annotations

from typing import Protocol

import polars as pl
import pyarrow as pa

from propload.errors import ConfigError
from propload.messages.wording import counted
from propload.rejecting.lines import OWN_PREFIX
from propload.running.resuming.object_fingerprints import object_fingerprint

#: The column with the number of a row in its source, which a fix should keep.
_ROW = OWN_PREFIX + "row"


class Fix(Protocol):
    """A function that fixes rejected rows."""

    def __call__(self, frame: pl.DataFrame, /) -> pl.DataFrame:
        """Return the rows as they should have been read; rows may be left out.

        It may be called several times, each time with some of the rows.

        Args:
            frame: Rejected rows of one source: the columns as read, and `propload_row`,
                the number of each row in its source. Messages use the number that a row
                is returned with. If that column is not returned, there must be as many
                rows as were given, in the same order. `pl.all()` and `unique()` include
                it; to leave it out: `pl.exclude("propload_row")`, `unique(subset=...)`.
        """


def apply_fix(
    read: pl.DataFrame, numbers: tuple[int, ...], source: str, fix: Fix, /
) -> tuple[pa.RecordBatch, tuple[int, ...]]:
    """Return the fixed rows of one source, and the number of each in it.

    Args:
        read: The rows as read.
        numbers: Their numbers in the source.
        source: The name of their source.
        fix: Fixes them.

    Raises:
        ConfigError: The fix fails, or its rows cannot be matched to those given.
    """
    rows, returned_numbers = _apply_numbered(read, numbers, source, fix)
    if returned_numbers is not None:
        return rows, returned_numbers
    if rows.num_rows != len(numbers):
        msg = (
            f"the fix {_name_of(fix)} made {counted(rows.num_rows, 'row')} of "
            f"{len(numbers):,} without whole numbers in {_ROW}: keep that column, so "
            "that messages name the right rows"
        )
        raise ConfigError(msg)
    return rows, numbers


def as_rows(frame: object, /) -> pa.RecordBatch:
    """Return a frame, or anything that Arrow accepts as a table, as one batch."""
    table = pa.table(frame)
    columns = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def fix_fingerprint(fix: Fix | None, /) -> str:
    """Return a text that differs if two fixes may make different rows.

    For a fix that refers to an object that cannot be inspected (a lock, a connection),
    the text only covers its name and its code.
    """
    code = object_fingerprint(getattr(fix, "__code__", None))
    return object_fingerprint(fix) or f"{_name_of(fix)} {code}"


def _apply_numbered(
    read: pl.DataFrame, numbers: tuple[int, ...], source: str, fix: Fix
) -> tuple[pa.RecordBatch, tuple[int, ...] | None]:
    """Return fixed rows, and the numbers that the fix returned with them, if any."""
    if _ROW in read.columns:
        # the source has a column of that name itself, which is kept as it is
        return _call_fix(read, source, fix), None
    numbered = read.with_columns(pl.Series(_ROW, numbers, pl.Int64))
    rows = _call_fix(numbered, source, fix)
    if _ROW not in rows.schema.names:
        return rows, None
    return rows.drop_columns([_ROW]), _as_integers(rows[_ROW])


def _call_fix(read: pl.DataFrame, source: str, fix: Fix) -> pa.RecordBatch:
    try:
        return as_rows(fix(read))
    except Exception as error:
        msg = (
            f"the fix {_name_of(fix)} failed on "
            f"{counted(read.height, 'rejected row')} "
            f"of {source}: {type(error).__name__}: {error}. It has to return a "
            "frame of rows"
        )
        raise ConfigError(msg) from error


def _as_integers(column: pa.Array) -> tuple[int, ...] | None:
    """Return the integers of a column, or None if a value is not an integer."""
    try:
        numbers = column.cast(pa.int64())
    except pa.ArrowException:
        return None
    return None if numbers.null_count else tuple(numbers.to_pylist())


def _name_of(fix: Fix | None) -> str:
    return getattr(fix, "__qualname__", type(fix).__name__)
