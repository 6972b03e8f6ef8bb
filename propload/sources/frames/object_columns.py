"""Columns of Python objects in frames; refuses rows with one that is not a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from propload.batch import Unread
from propload.sources.arrow.parts import Part, drop_rows, row_at, without_rows
from propload.sources.row_batches import describe, fault_of
from propload.values.arrow_fields import make_field
from propload.values.columns import make_column
from propload.values.plain_columns import CONVERSION_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The values of columns, by the columns' places.
Objects: TypeAlias = "Mapping[int, list[Any]]"


def parts_of(table: pa.Table, objects: Objects) -> Iterator[Part]:
    """Yield the rows of a table, with its object columns built as those of dicts are.

    Args:
        table: The rows; what it has in the object columns is replaced.
        objects: The values of all rows in the object columns.
    """
    batches = table.to_batches()
    if not batches:
        batches = [without_rows(table.schema)]
    start = 0
    for rows in batches:
        end = start + rows.num_rows
        yield _part(rows, {at: values[start:end] for at, values in objects.items()})
        start = end


def _part(rows: pa.RecordBatch, objects: Objects) -> Part:
    try:
        return _with_objects(rows, objects), ()
    except CONVERSION_ERRORS as error:
        names = [rows.schema.names[at] for at in objects]
        unfit: dict[int, Unread] = {}
        for place, values in enumerate(zip(*objects.values(), strict=True)):
            values_by_name = dict(zip(names, values, strict=True))
            if reason := fault_of(values_by_name):
                text = describe({**row_at(rows, place), **values_by_name})
                unfit[place] = Unread(place, text, "value", reason)
        if not unfit:
            raise pa.ArrowInvalid(str(error)) from error
    good = {
        at: [value for place, value in enumerate(values) if place not in unfit]
        for at, values in objects.items()
    }
    return _with_objects(drop_rows(rows, [*unfit]), good), [*unfit.values()]


def _with_objects(rows: pa.RecordBatch, objects: Objects) -> pa.RecordBatch:
    for at, values in objects.items():
        array, metadata = make_column(values, None)
        field = make_field(rows.schema.names[at], array.type, metadata)
        rows = rows.set_column(at, field, array)
    return rows
