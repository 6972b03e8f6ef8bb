"""Values as the text that PostgreSQL casts back to the same value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from polars.datatypes import DataTypeClass

_NESTED = (pl.List, pl.Array, pl.Struct)


def write_text(  # noqa: PLR0911 - one return a type
    column: pl.Expr, source: pl.DataType, *, pg_type: str = "text"
) -> pl.Expr | None:
    """Return a column as text, or None where its type has no exact text.

    Args:
        column: The column, of the type `source`.
        source: Its type.
        pg_type: The type that the text is for: an array gets `{...}`,
            anything else gets lists and structs as JSON.
    """
    if isinstance(source, (pl.List, pl.Array)) and pg_type.endswith("[]"):
        return _array_text(column, source)
    if isinstance(source, _NESTED):
        return _json_text(column) if _has_json(source) else None
    if source == pl.Binary:
        return pl.lit("\\x") + column.bin.encode("hex") if "bytea" in pg_type else None
    if isinstance(source, pl.Datetime):
        return _moment_text(column, source)
    if isinstance(source, pl.Duration):
        return column.dt.to_string("iso")
    if source == pl.Object:
        return None
    return column.cast(pl.String)


def _moment_text(column: pl.Expr, source: pl.Datetime) -> pl.Expr:
    if source.time_zone is None:
        return column.dt.to_string("iso")
    return column.dt.convert_time_zone("UTC").dt.to_string("iso")


def _has_json(dtype: pl.DataType) -> bool:
    """Return whether every value of a type has a JSON text."""
    if isinstance(dtype, pl.Struct):
        return all(_has_json(_instance(field.dtype)) for field in dtype.fields)
    if isinstance(dtype, (pl.List, pl.Array)):
        return _has_json(inner_type(dtype))
    return dtype not in (pl.Binary, pl.Object)


def inner_type(dtype: pl.List | pl.Array) -> pl.DataType:
    """Return the type of a list's elements."""
    return _instance(dtype.inner)


def _instance(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()


def _json_text(column: pl.Expr) -> pl.Expr:
    # Polars encodes structs only; `{"v":` and `}` are cut off again
    text = pl.struct(column.alias("v")).struct.json_encode()
    return pl.when(column.is_not_null()).then(text.str.slice(5).str.head(-1))


def _array_text(column: pl.Expr, source: pl.List | pl.Array) -> pl.Expr | None:
    inner = inner_type(source)
    element = write_text(pl.element(), inner, pg_type="[]")
    if element is None:
        return None
    if not isinstance(inner, (pl.List, pl.Array)):
        escaped = element.str.replace_all(r'([\\"])', r"\$1")
        element = pl.lit('"') + escaped + pl.lit('"')
    elements = column.cast(pl.List(inner)).list.eval(element.fill_null("NULL"))
    return pl.lit("{") + elements.list.join(",") + pl.lit("}")
