"""Reads rejected rows into one frame, some lines at a time."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from propload.rejecting.lines import (
    OWN_PREFIX,
    REASON_COLUMNS,
    chunk_lines,
    lines_with_length,
)
from propload.rejecting.type_inference import GrowingColumn, values_by_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path
    from typing import BinaryIO

    from propload.rejecting.lines import Line

#: The most rows that are held as Python objects at a time.
ROWS_AT_ONCE = 1_000
#: The most bytes of them, for long rows; Python objects take several times as many.
BYTES_AT_ONCE = 8 << 20

#: The fields of a line besides `values`, the row itself, and `reasons`.
_PLAIN_COLUMNS = {
    "run": pl.String,
    "time": pl.String,
    "source": pl.String,
    "row": pl.Int64,
    "as_of": pl.String,
    "batch": pl.Int64,
    "lane": pl.Int64,
}
_REASON_LIST = OWN_PREFIX + "reason_list"
_REASON_TEXT = OWN_PREFIX + "reasons"
#: The columns about a row in a frame of rejected rows.
_OWN_COLUMNS = frozenset(
    (*map(OWN_PREFIX.__add__, _PLAIN_COLUMNS), _REASON_LIST, _REASON_TEXT)
)
_REASONS = pa.large_list(pa.struct(dict.fromkeys(REASON_COLUMNS, pa.large_string())))


def read_rejects(path: Path) -> pl.DataFrame:
    """Return the rejected rows of a file: their columns as read, then those about them.

    The columns of a row keep the names that they have in the source; those about it
    begin with `OWN_PREFIX`. `propload_reasons` is one text with all reasons. If the
    file does not exist, the frame has no rows.

    Raises:
        ConfigError: A line is not a rejected row, as the file was edited.
    """
    if not path.exists():
        return _with_reason_text(_detail_columns([]))
    with path.open("rb") as file:
        return _read(file, path)


def _read(file: BinaryIO, path: Path) -> pl.DataFrame:
    columns: dict[str, GrowingColumn] = {}
    details, rows = [_detail_columns([])], 0
    for part in parts_of(lines_with_length(file, path)):
        for name, values in row_columns(part).items():
            columns.setdefault(name, GrowingColumn(name)).add(rows, values)
        details.append(_detail_columns(part))
        rows += len(part)
    changed = {name for name, column in columns.items() if column.needs_reconversion}
    if changed:
        file.seek(0)
        # rows appended to the file meanwhile are not included
        _reconvert(columns, changed, islice(lines_with_length(file, path), rows))
    series = [column.to_series(rows) for column in columns.values()]
    # a file of unread rows alone has no columns of its own
    return pl.DataFrame([*series, *_with_reason_text(pl.concat(details)).rechunk()])


def _reconvert(
    columns: Mapping[str, GrowingColumn],
    names: AbstractSet[str],
    lines: Iterable[tuple[int, Line]],
) -> None:
    """Convert columns that turned out to be text to text, from a second reading.

    Most columns have one type. Keeping all values until the last one is known would
    take several times the memory of the frame.
    """
    start = 0
    for part in parts_of(lines):
        values = row_columns(part)
        for name in names & values.keys():
            columns[name].convert(start, values[name])
        start += len(part)


def parts_of(lines: Iterable[tuple[int, Line]], /) -> Iterator[list[Line]]:
    """Yield lists of as many lines as may be held as Python objects at a time.

    Args:
        lines: The lines, each with its length.
    """
    return chunk_lines(lines, ROWS_AT_ONCE, BYTES_AT_ONCE)


def row_columns(part: Sequence[Line], /) -> dict[str, Sequence[Any]]:
    """Return the values of each column of the rows, without the columns about them."""
    columns = values_by_column([line["values"] or {} for line in part])
    # an export of rejected rows that is loaded again has these columns itself
    return {name: columns[name] for name in columns if name not in _OWN_COLUMNS}


def reasons_as_text(lines: Sequence[Line]) -> pl.Series:
    """Return all reasons of each row in one text, as the column `propload_reasons`."""
    reasons = _reasons(lines)
    return reasons.to_frame().select(_as_text(pl.col(reasons.name))).to_series()


def _detail_columns(lines: Sequence[Line]) -> pl.DataFrame:
    """Return the columns about rows, except for the text of their reasons."""
    plain = [
        pl.Series(OWN_PREFIX + name, [line.get(name) for line in lines], dtype=dtype)
        for name, dtype in _PLAIN_COLUMNS.items()
    ]
    return pl.DataFrame([*plain, _reasons(lines)])


def _with_reason_text(details: pl.DataFrame) -> pl.DataFrame:
    return details.with_columns(_as_text(pl.col(_REASON_LIST)))


def _reasons(lines: Sequence[Line]) -> pl.Series:
    # via Arrow: of nested Python values Polars makes a frame for each row
    return pl.Series(
        _REASON_LIST, pa.array([one["reasons"] for one in lines], _REASONS)
    )


def _as_text(reasons: pl.Expr) -> pl.Expr:
    reason = pl.element().struct
    unread = reason.field("stage") == "read"
    prefix = reason.field("column").fill_null("row") + ": "
    # most messages about a column already begin with its name
    named = reason.field("message").str.starts_with("column " + prefix)
    text = pl.concat_str(
        pl.when(~named).then(prefix),
        reason.field("message"),
        # an unread row has no columns: its text is all that is known of it
        pl.when(unread).then(pl.lit(": ")),
        pl.when(unread).then(reason.field("value")),
        ignore_nulls=True,
    )
    return reasons.list.eval(text).list.join("; ").alias(_REASON_TEXT)
