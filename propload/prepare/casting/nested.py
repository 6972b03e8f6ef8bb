"""How lists, arrays and structs become others: exactly, or not at all."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from propload.names.type_names import field_types, inner_type
from propload.prepare.casting.conversions import Conversion, convert
from propload.prepare.casting.text_in import read_text
from propload.prepare.casting.text_out import write_text


def convert_nested(
    column: pl.Expr, source: pl.DataType, target: pl.DataType
) -> Conversion | None:
    """Return how a column becomes another type, with what is inside it, or None.

    Args:
        column: The column, of the type `source`.
        source: Its type, which is not text.
        target: The type wanted, not the same, and not text unless the other has none.
    """
    if source == pl.Null or not (source.is_nested() or target.is_nested()):
        return convert(column, source, target)
    if isinstance(source, pl.Struct) and isinstance(target, pl.Struct):
        return _between_structs(column, source, target)
    if not isinstance(source, (pl.List, pl.Array)):
        return None
    if isinstance(target, pl.Array):
        return _as_arrays(column, source, target)
    if isinstance(target, pl.List):
        return _between_lists(column, source, target)
    return None


def _as_arrays(
    column: pl.Expr, source: pl.List | pl.Array, target: pl.Array
) -> Conversion | None:
    """Return lists as arrays of one size, and null for those of another."""
    conversion = _between_lists(column, source, pl.List(inner_type(target)))
    if conversion is None:
        return None
    fitting = pl.when(conversion.value.list.len() == target.size).then(conversion.value)
    return replace(conversion, value=fitting.list.to_array(target.size))


def _between_lists(
    column: pl.Expr, source: pl.List | pl.Array, target: pl.List
) -> Conversion | None:
    """Convert each element as a column of its type is; a bad one costs the list."""
    inner, wanted = inner_type(source), inner_type(target)
    lists = column.cast(pl.List(inner))
    if inner == wanted:
        return Conversion(lists)
    element = _convert_within(pl.element(), inner, wanted)
    if element is None:
        return None
    value, bad = element
    refused = lists.list.eval(bad).list.any()
    return Conversion(lists.list.eval(value), refused)


def _between_structs(
    column: pl.Expr, source: pl.Struct, target: pl.Struct
) -> Conversion | None:
    """Match fields by name; one that the target lacks may hold nothing but nulls."""
    source_types, target_types = dict(field_types(source)), dict(field_types(target))
    refusals = [
        column.struct.field(n).is_not_null()
        for n in source_types
        if n not in target_types
    ]
    fields, has_shared = [], False
    for place, (name, dtype) in enumerate(target_types.items()):
        value = pl.lit(None, dtype)
        if name in source_types:
            has_shared = True
            field = _convert_within(
                column.struct.field(name), source_types[name], dtype
            )
            if field is None:
                return None
            value, bad = field
            refusals.append(bad)
        # by its place: a field may have no name
        fields.append(value.alias(str(place)))
    if not has_shared:
        return None
    whole = pl.struct(fields).struct.rename_fields([*target_types])
    refused = pl.any_horizontal(refusals)
    return Conversion(pl.when(column.is_not_null()).then(whole), refused)


def _convert_within(
    value: pl.Expr, source: pl.DataType, wanted: pl.DataType
) -> tuple[pl.Expr, pl.Expr] | None:
    """Return a value inside another one as a type, and whether it is refused."""
    if source == wanted:
        return value, pl.lit(value=False)
    conversion = _conversion(value, source, wanted)
    if conversion is None:
        return None
    exact = conversion.exact
    return exact, exact.is_null() & value.is_not_null()


def _conversion(
    value: pl.Expr, source: pl.DataType, wanted: pl.DataType
) -> Conversion | None:
    if isinstance(source, (pl.Categorical, pl.Enum)):
        value, source = value.cast(pl.String), pl.String()
    if wanted == pl.String:
        text = write_text(value, source)
        return None if text is None else Conversion(text)
    if source == pl.String:
        return read_text(value, wanted)
    return convert_nested(value, source, wanted)
