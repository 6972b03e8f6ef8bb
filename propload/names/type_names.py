"""The names of types that users see, which are PostgreSQL's.

Users know the types of their tables, not those of the frames in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from propload.errors import SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polars.datatypes import DataTypeClass

#: Integer types that PostgreSQL stores in a wider type, by their range.
_NARROW: Mapping[type[pl.DataType], str] = {
    pl.Int8: "integer from -128 to 127",
    pl.UInt8: "integer from 0 to 255",
    pl.UInt16: "integer from 0 to 65535",
    pl.UInt32: "integer from 0 to 4294967295",
    pl.UInt64: "integer from 0 to 18446744073709551615",
}
#: Most words of an enumeration that a message names.
_WORDS_SHOWN = 10

_CREATED: Mapping[type[pl.DataType], str] = {
    pl.Boolean: "boolean",
    pl.Int8: "smallint",
    pl.Int16: "smallint",
    pl.Int32: "integer",
    pl.Int64: "bigint",
    pl.UInt8: "smallint",
    pl.UInt16: "integer",
    pl.UInt32: "bigint",
    pl.UInt64: "numeric(20,0)",
    pl.Int128: "numeric(39,0)",
    pl.UInt128: "numeric(39,0)",
    pl.Float16: "real",
    pl.Float32: "real",
    pl.Float64: "double precision",
    pl.String: "text",
    pl.Categorical: "text",
    pl.Enum: "text",
    pl.Null: "text",
    pl.Binary: "bytea",
    pl.Date: "date",
    pl.Time: "time without time zone",
    pl.Duration: "interval",
    pl.Struct: "jsonb",
}


#: Types without a PostgreSQL type.
_UNSTORED: Mapping[type[pl.DataType], str] = {pl.Object: "a Python object"}


def create_type(dtype: pl.DataType, /) -> str:
    """Return the PostgreSQL type that holds every value of a Polars type.

    Raises:
        SchemaMismatchError: No type does, as for Python objects.
    """
    if isinstance(dtype, pl.Decimal):
        return f"numeric({dtype.precision},{dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        zone = "with" if dtype.time_zone else "without"
        return f"timestamp {zone} time zone"
    if isinstance(dtype, (pl.List, pl.Array)):
        inner = inner_type(dtype)
        nested = isinstance(inner, (pl.List, pl.Array, pl.Struct))
        return "jsonb" if nested else f"{create_type(inner)}[]"
    created = _CREATED.get(type(dtype))
    if created is None:
        msg = (
            f"{type_name(dtype)} has no PostgreSQL type: make it text or JSON before "
            "loading, or leave its column out with a mapping"
        )
        raise SchemaMismatchError(msg)
    return created


def type_name(dtype: pl.DataType, /) -> str:
    """Return the name of a type for messages and reports, usually PostgreSQL's."""
    if type(dtype) in _NARROW:
        return _NARROW[type(dtype)]
    if isinstance(dtype, pl.Enum):
        words = list(dtype.categories.head(_WORDS_SHOWN))
        more = ", ..." if len(dtype.categories) > len(words) else ""
        return f"one of {', '.join(words)}{more}"
    if isinstance(dtype, (pl.List, pl.Array)):
        inner = inner_type(dtype)
        size = dtype.size if isinstance(dtype, pl.Array) else ""
        return "jsonb" if inner.is_nested() else f"{type_name(inner)}[{size}]"
    if isinstance(dtype, pl.Null):
        return "null"
    if type(dtype) in _CREATED or dtype.is_decimal() or isinstance(dtype, pl.Datetime):
        return create_type(dtype)
    return _UNSTORED.get(type(dtype), str(dtype))


def inner_type(dtype: pl.List | pl.Array, /) -> pl.DataType:
    """Return the type of the elements of a list or array."""
    return _instance(dtype.inner)


def field_types(dtype: pl.Struct, /) -> list[tuple[str, pl.DataType]]:
    """Return the name and type of each field of a struct."""
    return [(field.name, _instance(field.dtype)) for field in dtype.fields]


def leaf_types(dtype: pl.DataType, /) -> Iterator[pl.DataType]:
    """Yield the innermost types of a list or struct, or any other type itself."""
    if isinstance(dtype, pl.Struct) and dtype.fields:
        for _, kind in field_types(dtype):
            yield from leaf_types(kind)
    elif isinstance(dtype, (pl.List, pl.Array)):
        yield from leaf_types(inner_type(dtype))
    else:
        yield dtype


def _instance(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()
