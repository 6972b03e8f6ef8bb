"""The values of rejected rows, for statistics of columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW, join_reasons
from propload.errors import SchemaMismatchError
from propload.prepare.casting.row_casting import Cast, cast_types
from propload.prepare.mapping.column_mapping import Mapping
from propload.prepare.mapping.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.prepare.mapping.column_mapping import RowMapping
    from propload.prepare.preparing import Preparer


def refused_cells(
    preparer: Preparer, raw: pl.DataFrame, reasons: pl.DataFrame
) -> Iterator[pl.Series]:
    """Yield the values that rejected rows have in each planned column.

    Values that cannot be cast are yielded as the original texts, in a second series of
    the column. Rows rejected by a mapping that is not a `Mapping` are left out, because
    only that mapping could read them.

    Args:
        preparer: The preparer that rejected them, with a plan.
        raw: Rows as read, with `ROW`.
        reasons: Why some of them were rejected.
    """
    refused = raw.filter(pl.col(ROW).is_in(reasons[ROW].implode()))
    if not refused.height:
        return
    frame = refused
    if preparer.mapping is not None:
        mapping = _without_refusals(preparer.mapping)
        frame = mapping.apply(refused, preparer.context).frame
    unread = reasons.filter(pl.col("stage") == "map")
    for step in preparer.plan:
        if step.column not in frame.columns:
            yield pl.Series(step.column, [None] * frame.height, step.dtype)
            continue
        cells = frame.select(ROW, step.column)
        unreadable = unread.filter(pl.col("column") == step.column)
        casts = preparer.first_casts(cells.schema)
        last = Cast.of(step)
        yield from _cells(cells, unreadable, casts, last)


def _without_refusals(mapping: RowMapping) -> RowMapping:
    if not isinstance(mapping, Mapping):
        return mapping
    columns = {
        target: replace(column, unparsed="null") if isinstance(column, Rule) else column
        for target, column in mapping.columns.items()
    }
    return replace(mapping, columns=columns)


def _cells(
    cells: pl.DataFrame, unreadable: pl.DataFrame, first: list[Cast], last: Cast
) -> Iterator[pl.Series]:
    """Yield the values of a column that can be cast, then the texts of the others."""
    readable = cells.join(
        unreadable.select(ROW), on=ROW, how="anti", maintain_order="left"
    )
    typed = cast_types(readable, first)
    try:
        planned = cast_types(typed.frame, [last])
    except SchemaMismatchError:
        # the schema changes the type of the column, but only for rows that pass it
        planned = typed
    yield planned.frame.get_column(last.column)
    texts = join_reasons([unreadable, typed.reasons, planned.reasons])
    if texts.height:
        values = texts.unique(ROW).get_column("value").drop_nulls()
        yield values.alias(last.column)
