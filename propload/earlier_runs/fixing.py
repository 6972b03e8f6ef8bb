"""Functions that mend rejected rows: what they are given, and what they give back."""

from __future__ import annotations

from typing import Protocol

import polars as pl
import pyarrow as pa

from propload.errors import ConfigError
from propload.messages.wording import counted
from propload.rejecting.lines import OWN_PREFIX
from propload.running.resuming.object_fingerprints import object_fingerprint

#: Where a row stands in its source, for a fix to keep.
_ROW = OWN_PREFIX + "row"


class Fix(Protocol):
    """Mends rejected rows."""

    def __call__(self, frame: pl.DataFrame, /) -> pl.DataFrame:
        """Return the rows as they should have been read; rows may be left out.

        Args:
            frame: Rejected rows of one source, columns as read, and `propload_row`,
                the number of each in its source; it is called for some of them at a
                time. Messages name the number that a row is returned with. Without
                that column rows are taken for those given, in their order: there have
                to be as many. `pl.all()` and `unique()` see it too:
                `pl.exclude("propload_row")`, `unique(subset=...)`.
        """


def mend(
    read: pl.DataFrame, numbers: tuple[int, ...], source: str, fix: Fix, /
) -> tuple[pa.RecordBatch, tuple[int, ...]]:
    """Return mended rows of one source, and the number of each in it.

    Args:
        read: The rows as read.
        numbers: Where they stood.
        source: The name of their source.
        fix: Mends them.

    Raises:
        ConfigError: It fails, or nobody can tell which row is which any more.
    """
    rows, found = _numbered(read, numbers, source, fix)
    if found is not None:
        return rows, found
    if rows.num_rows != len(numbers):
        msg = (
            f"the fix {_name_of(fix)} made {counted(rows.num_rows, 'row')} of "
            f"{len(numbers):,} without whole numbers in {_ROW}: keep that column, so "
            "that messages name the right rows"
        )
        raise ConfigError(msg)
    return rows, numbers


def as_rows(frame: object, /) -> pa.RecordBatch:
    """Return a frame, or what else Arrow takes for a table, as one batch."""
    table = pa.table(frame)
    columns = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def mark_of(fix: Fix | None, /) -> str:
    """Return what differs where two fixes may make other rows.

    Of one that refers to what cannot be looked into (a lock, a connection), its code
    and its name.
    """
    code = object_fingerprint(getattr(fix, "__code__", None))
    return object_fingerprint(fix) or f"{_name_of(fix)} {code}"


def _numbered(
    read: pl.DataFrame, numbers: tuple[int, ...], source: str, fix: Fix
) -> tuple[pa.RecordBatch, tuple[int, ...] | None]:
    """Return mended rows, and the numbers that they came back with, if they did."""
    if _ROW in read.columns:
        # the rows' own column of that name is left alone
        return _mended(read, source, fix), None
    given = read.with_columns(pl.Series(_ROW, numbers, pl.Int64))
    rows = _mended(given, source, fix)
    if _ROW not in rows.schema.names:
        return rows, None
    return rows.drop_columns([_ROW]), _whole(rows[_ROW])


def _mended(read: pl.DataFrame, source: str, fix: Fix) -> pa.RecordBatch:
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


def _whole(column: pa.Array) -> tuple[int, ...] | None:
    """Return the whole numbers of a column, or None where a value is none."""
    try:
        numbers = column.cast(pa.int64())
    except pa.ArrowException:
        return None
    return None if numbers.null_count else tuple(numbers.to_pylist())


def _name_of(fix: Fix | None) -> str:
    return getattr(fix, "__qualname__", type(fix).__name__)
