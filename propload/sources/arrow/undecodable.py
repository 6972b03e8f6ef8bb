"""Finds Arrow rows with a text that is not UTF-8; neither Arrow nor Polars checks it.

It is not rare that programs write bytes of another encoding as texts of Parquet. Polars
would accept such a text as valid, and Python could not show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from propload.sources.arrow.parts import reject_rows, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from propload.batch import Unread
    from propload.sources.arrow.parts import Part

#: The integers that text columns have as offsets, by their types.
_OFFSET_TYPES: Mapping[pa.DataType, np.dtype[Any]] = {
    pa.string(): np.dtype("<i4"),
    pa.large_string(): np.dtype("<i8"),
}
_MOST_ASCII = 127


def reject_undecodable(rows: pa.RecordBatch, faults: Sequence[Unread] = (), /) -> Part:
    """Return the rows whose texts are all UTF-8, and all other rows as refused.

    Args:
        rows: Rows of any types.
        faults: The rows refused before, between the rows, by places from 0 on.

    Raises:
        pyarrow.ArrowInvalid: A column is damaged in another way.
    """
    reasons: dict[int, str] = {}
    for number, field in enumerate(rows.schema):
        column = rows.column(number)
        if _is_valid_utf8(column):
            continue
        if pa.types.is_dictionary(field.type):
            # the invalid text may be one that no row uses
            column = column.dictionary_decode()
            rows = rows.set_column(number, field.with_type(column.type), column)
        for place in _invalid_places(column, 0):
            reasons.setdefault(
                place, f"column {field.name}: {_message_on(column[place])}"
            )
    return reject_rows(rows, reasons, "encoding", faults) if reasons else (rows, faults)


def _is_valid_utf8(column: pa.Array) -> bool:
    """Return whether all texts in a column are UTF-8."""
    return all(map(is_utf8, _texts(column)))


def _texts(column: Any) -> Iterator[pa.Array]:
    """Yield the arrays of text in a column, at any depth."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        yield from _texts(column.storage)
    elif pa.types.is_dictionary(kind):
        yield from _texts(column.dictionary)
    elif pa.types.is_struct(kind) or pa.types.is_union(kind):
        for place in range(kind.num_fields):
            yield from _texts(column.field(place))
    elif pa.types.is_map(kind):
        yield from _texts(column.keys)
        yield from _texts(column.items)
    elif kind.num_fields:
        yield from _texts(column.values)
    elif kind in _OFFSET_TYPES or kind.equals(pa.string_view()):
        yield column


def is_utf8(texts: pa.Array, /) -> bool:
    """Return whether texts are UTF-8.

    Args:
        texts: An array of any of Arrow's text types.

    Raises:
        pyarrow.ArrowInvalid: They are damaged in another way.
    """
    if texts.type in _OFFSET_TYPES and _is_ascii(texts):
        return True
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        return False
    return True


def _is_ascii(column: pa.Array) -> bool:
    """Return whether all texts are ASCII, which takes a tenth of the time to check."""
    _, offsets, content = column.buffers()
    if not len(column) or content is None:
        return True
    width = _OFFSET_TYPES[column.type]
    start = column.offset * width.itemsize
    offset_values = np.frombuffer(offsets, width, len(column) + 1, start)
    used_bytes = np.frombuffer(content, np.uint8)[offset_values[0] : offset_values[-1]]
    return not used_bytes.size or bool(used_bytes.max() <= _MOST_ASCII)


def _invalid_places(column: pa.Array, first: int) -> Iterator[int]:
    """Yield the places of values with invalid texts, found by bisection."""
    # copied, because for a slice of nested values the whole would be checked
    if not len(column) or _is_valid_utf8(pa.concat_arrays([column])):
        return
    if len(column) == 1:
        yield first
        return
    half = len(column) // 2
    yield from _invalid_places(column.slice(0, half), first)
    yield from _invalid_places(column.slice(half), first + half)


def _message_on(value: pa.Scalar[Any]) -> str:
    text = value_of(value)
    shown = f"'{text}'" if isinstance(text, str) else value.type
    return f"{shown} is not UTF-8: write the text again in that encoding"
