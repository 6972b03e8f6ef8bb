"""Finds and changes what lists, structs and maps contain, at any depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable


def holds(kind: pa.DataType, is_sought: Callable[[pa.DataType], bool]) -> bool:
    """Return whether a type is a sought one, or contains one at any depth."""
    children = (kind.field(place).type for place in range(kind.num_fields))
    return is_sought(kind) or any(holds(child, is_sought) for child in children)


def change_parts(
    column: pa.Array,
    is_sought: Callable[[pa.DataType], bool],
    change: Callable[[pa.Array], pa.Array],
) -> pa.Array:
    """Return a column with all its parts of a sought type changed, at any depth."""
    if is_sought(column.type):
        return change(column)
    if is_nested(column.type) and holds(column.type, is_sought):
        return rebuild(column, lambda part: change_parts(part, is_sought, change))
    return column


def rebuild(column: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Return lists, maps or structs with their contents changed.

    Lists of any kind become large lists.
    """
    if pa.types.is_map(column.type):
        return _rebuild_map(column, change)
    if pa.types.is_struct(column.type):
        # Arrow 26 aborts when it flattens a struct that contains a union
        is_plain = not any(pa.types.is_union(field.type) for field in column.type)
        places = range(column.type.num_fields)
        parts = column.flatten() if is_plain else [column.field(n) for n in places]
        parts = [change(part) for part in parts]
        names = [field.name for field in column.type]
        return pa.StructArray.from_arrays(parts, names, mask=column.is_null())
    elements = change(pc.list_flatten(column))
    lengths = pc.list_value_length(column).fill_null(0).cast(pa.int64())
    ends = pc.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
    return pa.LargeListArray.from_arrays(offsets, elements, mask=column.is_null())


def _rebuild_map(
    column: pa.MapArray, change: Callable[[pa.Array], pa.Array]
) -> pa.MapArray:
    first, last = (column.offsets[place].as_py() for place in (0, -1))
    keys, items = (
        change(part.slice(first, last - first)) for part in (column.keys, column.items)
    )
    offsets = pc.subtract(column.offsets, first)
    kind = pa.map_(keys.type, items.type)
    return pa.MapArray.from_arrays(offsets, keys, items, kind, mask=column.is_null())


def is_nested(kind: pa.DataType) -> bool:
    """Return whether a type is a list, struct or map, which `rebuild` takes."""
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind)) or is_list(kind)


def is_list(kind: pa.DataType) -> bool:
    """Return whether a type is one of Arrow's five kinds of lists."""
    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(test(kind) for test in tests)
