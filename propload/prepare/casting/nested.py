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
    found = _between_lists(column, source, pl.List(inner_type(target)))
    if found is None:
        return None
    fitting = pl.when(found.value.list.len() == target.size).then(found.value)
    return replace(found, value=fitting.list.to_array(target.size))


def _between_lists(
    column: pl.Expr, source: pl.List | pl.Array, target: pl.List
) -> Conversion | None:
    """Convert each element as a column of its type is; a bad one costs the list."""
    inner, wanted = inner_type(source), inner_type(target)
    lists = column.cast(pl.List(inner))
    if inner == wanted:
        return Conversion(lists)
    found = _within(pl.element(), inner, wanted)
    if found is None:
        return None
    value, bad = found
    refused = lists.list.eval(bad).list.any()
    return Conversion(lists.list.eval(value), refused)


def _between_structs(
    column: pl.Expr, source: pl.Struct, target: pl.Struct
) -> Conversion | None:
    """Match fields by name; one that the target lacks may hold nothing but nulls."""
    given, wanted = dict(field_types(source)), dict(field_types(target))
    lost = [column.struct.field(n).is_not_null() for n in given if n not in wanted]
    fields, shared = [], False
    for place, (name, dtype) in enumerate(wanted.items()):
        value = pl.lit(None, dtype)
        if name in given:
            shared = True
            found = _within(column.struct.field(name), given[name], dtype)
            if found is None:
                return None
            value, bad = found
            lost.append(bad)
        # by its place: a field may have no name
        fields.append(value.alias(str(place)))
    if not shared:
        return None
    whole = pl.struct(fields).struct.rename_fields([*wanted])
    refused = pl.any_horizontal(lost)
    return Conversion(pl.when(column.is_not_null()).then(whole), refused)


def _within(
    value: pl.Expr, source: pl.DataType, wanted: pl.DataType
) -> tuple[pl.Expr, pl.Expr] | None:
    """Return a value inside another one as a type, and whether it is refused."""
    if source == wanted:
        return value, pl.lit(value=False)
    found = _conversion(value, source, wanted)
    if found is None:
        return None
    made = found.exact
    return made, made.is_null() & value.is_not_null()


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
