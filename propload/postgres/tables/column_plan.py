"""Plan how the values of each column are sent.

The driver writes each value in the binary format of its Arrow type, whatever the
column's type is: integers copied into double precision become nonsense without an
error. So every column is planned here before the first byte is sent: its values are
cast to the one Arrow type whose binary format the column reads, or they are sent as
text and cast by the server, or the load is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from propload.names.type_names import inner_type
from propload.postgres.sql.casts import length_type
from propload.target import ColumnPlan
from propload.values.python_values import DECIMAL_DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.postgres.tables.facts import TableColumn

#: The Polars type from which the binary format of each base type is written.
_BINARY: Mapping[str, pl.DataType] = {
    "bool": pl.Boolean(),
    "int2": pl.Int16(),
    "int4": pl.Int32(),
    "int8": pl.Int64(),
    "float4": pl.Float32(),
    "float8": pl.Float64(),
    "text": pl.String(),
    "varchar": pl.String(),
    "bpchar": pl.String(),
    "citext": pl.String(),
    "json": pl.String(),
    "jsonb": pl.String(),
    "xml": pl.String(),
    "bytea": pl.Binary(),
    "date": pl.Date(),
    "time": pl.Time(),
    "timestamp": pl.Datetime("us"),
    "timestamptz": pl.Datetime("us", "UTC"),
    "interval": pl.Duration("us"),
}
_NUMBER_TYPES = frozenset(
    {"int2", "int4", "int8", "float4", "float8", "numeric", "bool"}
)
_TEXT_TYPES = frozenset({"text", "varchar", "bpchar", "citext"})
_JSON_TYPES = frozenset({"json", "jsonb"})
#: Types of the extension pgvector, whose text is a JSON list of numbers.
_PGVECTOR_TYPES = frozenset({"vector", "halfvec"})
#: Types whose text may be a bare number.
_NUMERALS = frozenset({"money", "oid"})
#: PostGIS types: they read bytes as hex digits (WKB), and objects as JSON (GeoJSON).
_POSTGIS_TYPES = frozenset({"geometry", "geography"})
_GEOJSON = frozenset({"type", "coordinates"})
_DATETIME_TYPES = frozenset({"date", "timestamp", "timestamptz"})

#: The number of decimal digits of the largest unsigned 64-bit integer.
_UINT64_DIGITS = 20


def plan_column(column: TableColumn, dtype: pl.DataType, /) -> ColumnPlan | None:
    """Return how values of a type are sent to a column, or None if they cannot be.

    Args:
        column: The column of the table.
        dtype: The type of the values.
    """
    if column.generated:
        return None
    if column.kind == "array":
        return _plan_array(column, dtype)
    if column.kind == "enum":
        return _make_plan(column, pl.String()) if _is_text(dtype) else None
    if column.base == "numeric":
        return _plan_number(column, dtype)
    if column.base in _BINARY:
        fits = _can_become(dtype, column.base)
        return _plan_binary(column, dtype) if fits else None
    return _plan_by_server(column, dtype)


def _make_plan(
    column: TableColumn, dtype: pl.DataType, *, by_text: bool = False
) -> ColumnPlan:
    pg_type = column.typmod_type or column.pg_type
    plan = ColumnPlan(column.name, dtype, "text" if by_text else "copy", pg_type)
    inner = column.element() if column.kind == "array" else column
    return replace(plan, of_postgis=inner.base in _POSTGIS_TYPES)


def _plan_binary(column: TableColumn, dtype: pl.DataType) -> ColumnPlan:
    pg_type = column.typmod_type or column.pg_type
    natural = _BINARY[column.base]
    if column.base in ("interval", "bytea") and _is_text(dtype):
        return _make_plan(column, pl.String(), by_text=True)
    if column.base == "interval" and pg_type != "interval":
        # COPY would round to its precision
        return _make_plan(column, pl.String(), by_text=True)
    if column.base == "jsonb" and column.domain:
        # the driver supports jsonb itself, but no domain over it
        return _make_plan(column, natural, by_text=True)
    return _make_plan(column, natural)


def _can_become(dtype: pl.DataType, base: str) -> bool:
    if isinstance(dtype, pl.Null) or _is_text(dtype):
        return True
    if base in _NUMBER_TYPES:
        return dtype.is_numeric() or isinstance(dtype, pl.Boolean)
    if base in _TEXT_TYPES:
        return not isinstance(dtype, (pl.Binary, pl.Object))
    if base in _JSON_TYPES:
        return dtype.is_numeric() or isinstance(
            dtype, (pl.Boolean, pl.Struct, pl.List, pl.Array)
        )
    if base in _DATETIME_TYPES:
        return isinstance(dtype, (pl.Date, pl.Datetime))
    return isinstance(dtype, type(_BINARY[base]))


def _plan_by_server(column: TableColumn, dtype: pl.DataType) -> ColumnPlan | None:
    fits = isinstance(dtype, pl.Null) or _is_text(dtype)
    if column.base in _PGVECTOR_TYPES:
        fits |= isinstance(dtype, (pl.List, pl.Array))
    if column.base in _POSTGIS_TYPES:
        fits |= isinstance(dtype, pl.Binary)
    if column.base == "geometry" and isinstance(dtype, pl.Struct):
        fits |= _GEOJSON.issubset(field.name for field in dtype.fields)
    if column.base in _NUMERALS:
        fits |= dtype.is_integer() or isinstance(dtype, pl.Decimal)
    return _make_plan(column, pl.String(), by_text=True) if fits else None


def _plan_number(column: TableColumn, dtype: pl.DataType) -> ColumnPlan | None:
    if not _can_become(dtype, "numeric"):
        return None
    match = re.fullmatch(
        r"numeric\((\d+),(-?\d+)\)", column.typmod_type or column.pg_type
    )
    if match:
        precision, scale = int(match[1]), int(match[2])
        fits = precision <= DECIMAL_DIGITS and 0 <= scale <= precision
        dtype = pl.Decimal(precision, scale) if fits else pl.String()
        return _make_plan(column, dtype, by_text=not fits)
    if isinstance(dtype, pl.Decimal):
        return _make_plan(column, dtype)
    if isinstance(dtype, (pl.Boolean, pl.Null)) or (
        dtype.is_integer() and not isinstance(dtype, (pl.Int128, pl.UInt128))
    ):
        return _make_plan(column, pl.Decimal(_UINT64_DIGITS, 0))
    return _make_plan(column, pl.String(), by_text=True)


def _plan_array(column: TableColumn, dtype: pl.DataType) -> ColumnPlan | None:
    if isinstance(dtype, pl.Null) or _is_text(dtype):
        return _array_by_text(column)
    if not isinstance(dtype, (pl.List, pl.Array)):
        return None
    inner = plan_column(column.element(), _innermost(dtype))
    if inner is None:
        return None
    if isinstance(_innermost(dtype), pl.Binary) and inner.dtype != pl.Binary:
        # bytes in lists have only the text form of bytea
        return None
    nested = isinstance(inner_type(dtype), (pl.List, pl.Array))
    # texts in lists are cast one by one, as they would be outside a list
    nested |= _is_text(_innermost(dtype)) and inner.dtype != pl.String
    nested |= _lacks_cast(_innermost(dtype), inner.dtype)
    by_text = nested or inner.transfer_format == "text" or _is_rounded_in_copy(inner)
    # the binary format of an array names the type of its elements, here the domain
    if by_text or column.element_type:
        return _array_by_text(column)
    return _make_plan(column, pl.List(inner.dtype))


def _array_by_text(column: TableColumn) -> ColumnPlan:
    plan = _make_plan(column, pl.String(), by_text=True)
    domain_base_array = column.element_type and f"{column.element_type}[]"
    return replace(plan, domain_base_array=domain_base_array, array=column.array)


def _lacks_cast(element: pl.DataType, target: pl.DataType) -> bool:
    """Return whether Polars cannot cast list elements both to this type and back."""
    if target == pl.String:
        return not (element.is_numeric() or _is_text(element))
    return element.is_decimal() and target == pl.Boolean


def _is_rounded_in_copy(element: ColumnPlan) -> bool:
    # elements of a list are not checked one by one before COPY
    if element.pg_type == "jsonb":
        return True
    has_length = length_type(element) is not None
    return has_length and bool(re.match("time|interval", element.pg_type))


def _is_text(dtype: pl.DataType) -> bool:
    return isinstance(dtype, (pl.String, pl.Categorical, pl.Enum))


def _innermost(dtype: pl.DataType) -> pl.DataType:
    while isinstance(dtype, (pl.List, pl.Array)):
        dtype = inner_type(dtype)
    return dtype
