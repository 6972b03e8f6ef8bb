"""Converts pandas frames to Arrow tables, with the index if it has a name."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from propload.sources.arrow.geometry import encode_geopandas
from propload.values.arrow_fields import make_field


def from_pandas(frame: Any) -> tuple[pa.Table, dict[int, list[Any]]]:
    """Return a frame as a table, and the values of its object columns by their places.

    The table contains the index if that has a name, and nulls in place of objects.
    """
    if any(name is not None for name in frame.index.names):
        frame = _with_index(frame)
    objects: dict[int, list[Any]] = {}
    columns = []
    for place, name in enumerate(map(str, frame.columns)):
        column = frame.iloc[:, place]
        if _is_object_column(column):
            objects[place] = _values(column)
            columns.append((pa.field(name, pa.null()), pa.nulls(len(frame))))
        else:
            columns.append(_pandas_column(name, column))
    table = pa.Table.from_arrays(
        [array for _, array in columns], schema=pa.schema(field for field, _ in columns)
    )
    return table, objects


def _with_index(frame: Any) -> Any:
    """Return a frame with its index as columns, without levels that are also columns.

    There are such levels after `set_index(..., drop=False)`. If a level and a column
    have the same name but different values, both stay, and are refused later.
    """
    columns, levels = frame.columns, frame.index.names
    repeated = [n for n in levels if n in columns and _is_column(frame, n)]
    if len(repeated) == len(levels):
        return frame.reset_index(drop=True)
    for name in repeated:
        frame = frame.droplevel(name)
    return frame.reset_index(allow_duplicates=True)


def _is_column(frame: Any, name: object) -> bool:
    level = frame.index.get_level_values(name).to_series()
    column = frame[name].reset_index(drop=True)
    return bool(level.reset_index(drop=True).equals(column))


def index_notes(frame: Any) -> tuple[str, ...]:
    """Return a note on an index that is left out but holds more than row numbers."""
    index = frame.index
    is_named = any(name is not None for name in index.names)
    # integers are the row numbers of pandas, even if a filter has left gaps in them
    if is_named or not len(frame) or (index.nlevels == 1 and index.dtype.kind in "iu"):
        return ()
    note = (
        "the frame's index has no name and was left out: give it one "
        '(frame.index.name = "id") to load it as a column'
    )
    return (note,)


def _pandas_column(name: str, column: Any) -> tuple[pa.Field, pa.Array]:
    if _is_span_column(column):
        # Arrow would keep the number of a period but not its length, and the ends of an
        # interval but not which of them belong to it
        column = column.astype("string")
    elif column.dtype.name.startswith("Sparse"):
        column = column.sparse.to_dense()
    try:
        if column.dtype.name == "geometry":
            array = encode_geopandas(column)
        else:
            array = pa.array(column, from_pandas=True)
    # types of other libraries raise errors of their own
    except Exception as error:
        msg = (
            f"column {name} is {column.dtype}, which cannot be read ({error}): make it "
            "text (astype(str)) or another type, or drop it"
        )
        raise pa.ArrowInvalid(msg) from error
    return make_field(name, array.type), array


def _is_span_column(column: Any) -> bool:
    is_category = column.dtype.name == "category"
    kind = column.dtype.categories.dtype if is_category else column.dtype
    return bool(kind.name.startswith(("period", "interval")))


def _is_object_column(column: Any) -> bool:
    """Return whether a column is converted value by value: Arrow lacks a type for it.

    This includes complex numbers, which become text as in rows, and categories that are
    not text: Arrow would give Decimals no more digits than the categories have.
    """
    if column.dtype.name != "category":
        return bool(column.dtype.kind == "c" or column.dtype == object)
    kinds = column.dtype.categories
    is_text = kinds.inferred_type in ("string", "empty")
    return bool(kinds.dtype.kind == "c" or (kinds.dtype == object and not is_text))


def _values(column: Any) -> list[Any]:
    missing = column.isna().tolist()
    pairs = zip(column, missing, strict=True)
    return [None if absent is True else value for value, absent in pairs]
