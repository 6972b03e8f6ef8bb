"""Arrow rows, together with the refused rows between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pyarrow as pa

from propload.batch import Unread
from propload.sources.arrow.nested import is_nested
from propload.sources.row_batches import describe
from propload.sources.source import good_row_numbers
from propload.values.plain_columns import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Rows, and the refused rows between them, by their places from 0 on.
Part: TypeAlias = "tuple[pa.RecordBatch, Sequence[Unread]]"
#: A schema, and the rows of that schema.
ArrowStream: TypeAlias = "tuple[pa.Schema, Iterator[pa.RecordBatch | Part]]"


def reject_rows(
    rows: pa.RecordBatch,
    reasons: Mapping[int, str],
    check: str,
    faults: Sequence[Unread],
) -> Part:
    """Return the rows without the bad ones, and these added to the refused rows.

    Args:
        rows: Rows of any types.
        reasons: What is wrong with each bad row, by its place among the rows.
        check: The short name of what is wrong.
        faults: The rows refused before, between the rows, by places from 0 on.
    """
    numbers = good_row_numbers(faults, 0, rows.num_rows)
    rejected = [
        Unread(numbers[place], describe(row_at(rows, place)), check, message)
        for place, message in reasons.items()
    ]
    all_faults = sorted([*faults, *rejected], key=lambda fault: fault.row)
    return drop_rows(rows, sorted(reasons)), all_faults


def drop_rows(rows: pa.RecordBatch, places: Sequence[int], /) -> pa.RecordBatch:
    """Return the rows without those at some places, in ascending order.

    They are sliced because Arrow 26 cannot filter string views.
    """
    begins = [0, *(place + 1 for place in places)]
    ends = [*places, rows.num_rows]
    parts = [rows.slice(b, e - b) for b, e in zip(begins, ends, strict=True)]
    return pa.concat_batches(parts)


def row_at(rows: pa.RecordBatch, place: int, /) -> dict[str, object]:
    """Return the values of a row for display, as far as Python can hold them."""
    names = rows.schema.names
    return {
        name: value_of(rows.column(number)[place]) for number, name in enumerate(names)
    }


def value_of(value: pa.Scalar[Any], /) -> object:
    """Return a value for display: as Python has it, as text, or only its type."""
    try:
        return cast("object", value.as_py())
    except UnicodeDecodeError:
        if not isinstance(value, pa.StringScalar | pa.LargeStringScalar):
            return value.type
        return value.as_buffer().to_pybytes().decode(errors="backslashreplace")
    except (OverflowError, ValueError):
        # Python has no such timestamp, or would truncate it
        return value.type if is_nested(value.type) else value.cast(TEXT).as_py()


def without_rows(schema: pa.Schema, /) -> pa.RecordBatch:
    """Return a record batch of some columns that has no rows."""
    # not by from_pylist, which refuses dictionaries with indices of 32 bits before 26
    arrays = [pa.nulls(0, kind) for kind in schema.types]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
