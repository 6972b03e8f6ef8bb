"""Exports Polars' 128-bit integers, for which Arrow has no type, as decimals."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from propload.batch import CREATED_AS
from propload.names.type_names import create_type, field_types, inner_type, leaf_types
from propload.values.python_values import DECIMAL_DIGITS

_NARROW_DECIMAL = pa.decimal128(DECIMAL_DIGITS, 0)
#: Arrow's wider decimal, which has room for all digits of such an integer.
WIDE_DECIMAL = pa.decimal256(DECIMAL_DIGITS + 1, 0)
#: The PostgreSQL type of a new column for these.
WIDE_PG_TYPE = f"numeric({WIDE_DECIMAL.precision},0)".encode()


def holds_wide(dtype: pl.DataType) -> bool:
    """Return whether a type is or contains 128-bit integers."""
    return any(isinstance(one, (pl.Int128, pl.UInt128)) for one in leaf_types(dtype))


def wide_column(column: pl.Series) -> tuple[pa.Field, pa.Array]:
    """Return a column with decimals in place of its 128-bit integers.

    Decimals of 38 digits are as fast as others; if one integer has more digits, all
    become the wider decimal.

    Args:
        column: A column of a type that is or contains 128-bit integers.
    """
    decimals = _replace_wide(column.dtype, pl.Decimal(DECIMAL_DIGITS, 0))
    try:
        array = column.cast(decimals).to_arrow()
    except pl.exceptions.InvalidOperationError:
        kind = _widen(pl.Series(dtype=decimals).to_arrow().type)
        array = (
            column.cast(_replace_wide(column.dtype, pl.String())).to_arrow().cast(kind)
        )
    # whichever of the two is used here, later rows may need all digits
    metadata = {CREATED_AS: create_type(column.dtype).encode()}
    return pa.field(column.name, array.type, metadata=metadata), array


def _replace_wide(dtype: pl.DataType, replacement: pl.DataType) -> pl.DataType:
    """Return a type with another type in place of its 128-bit integers."""
    if isinstance(dtype, pl.List):
        return pl.List(_replace_wide(inner_type(dtype), replacement))
    if isinstance(dtype, pl.Array):
        return pl.Array(_replace_wide(inner_type(dtype), replacement), dtype.size)
    if isinstance(dtype, pl.Struct):
        fields = field_types(dtype)
        return pl.Struct(
            [pl.Field(n, _replace_wide(kind, replacement)) for n, kind in fields]
        )
    return replacement if holds_wide(dtype) else dtype


def _widen(kind: pa.DataType) -> pa.DataType:
    """Return the Arrow type of a Polars column with the wider decimal."""
    if pa.types.is_large_list(kind):
        return pa.large_list(_widen(kind.value_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_widen(kind.value_type), kind.list_size)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_widen(field.type)) for field in kind])
    return WIDE_DECIMAL if kind.equals(_NARROW_DECIMAL) else kind
