"""Converts Arrow types that Polars lacks, or of which it cannot hold all values.

They become types with the same meaning wherever they occur in a column: on their own,
in lists and in structs.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from propload.sources.arrow.duckdb_types import DUCKDB_TYPES
from propload.sources.arrow.nested import change_parts, holds, is_list, is_nested
from propload.sources.arrow.wide_numbers import WIDE_DECIMAL, WIDE_PG_TYPE
from propload.values.plain_columns import TEXT
from propload.values.python_text import as_text
from propload.values.python_values import DECIMAL_DIGITS, to_native
from propload.values.temporal_text import SECONDS_OF_A_DAY, UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.sources.arrow.duckdb_types import DuckDBType

#: The largest number of the widest decimal. DuckDB exports its 128-bit integers as this
#: decimal type even if they have more digits.
_MAX_DECIMAL = 10**DECIMAL_DIGITS - 1


def convert_foreign(column: pa.Array) -> tuple[pa.Array, bytes | None]:
    """Return the column without foreign types, and the PostgreSQL type of a new column.

    The latter is None if it follows from the Arrow type, or if nothing was foreign.
    """
    kind = column.type
    if pa.types.is_dictionary(kind) and (
        is_nested(kind.value_type) or holds(kind.value_type, _may_be_foreign)
    ):
        column = column.dictionary_decode()
    if is_nested(column.type):
        # Polars 2.1 panics on some nested dictionaries: on empty ones, and on values of
        # types that it lacks
        column = change_parts(column, pa.types.is_dictionary, _decode_dictionary)
    if not holds(column.type, _may_be_foreign):
        return column, None
    converted = change_parts(column, _may_be_foreign, _convert)
    inner = _innermost_type(column.type)
    conversion = (
        None if _innermost_type(converted.type).equals(inner) else _conversion(inner)
    )
    if conversion is None or conversion.created_as is None:
        return converted, None
    return converted, conversion.created_as + (b"[]" if is_list(column.type) else b"")


def _decode_dictionary(column: pa.DictionaryArray) -> pa.Array:
    return change_parts(
        column.dictionary_decode(), pa.types.is_dictionary, _decode_dictionary
    )


def _innermost_type(kind: pa.DataType) -> pa.DataType:
    while is_list(kind):
        kind = kind.value_type
    return kind


def _may_be_foreign(kind: pa.DataType) -> bool:
    return _conversion(kind) is not None


def _may_be_hugeint(kind: pa.DataType) -> bool:
    is_decimal = pa.types.is_decimal128(kind) and kind.precision == DECIMAL_DIGITS
    return bool(is_decimal and kind.scale == 0)


def _convert(column: pa.Array) -> pa.Array:
    conversion = _conversion(column.type)
    return column if conversion is None else conversion.convert(column)


class Conversion(NamedTuple):
    """How a type that is not known is converted.

    Attributes:
        convert: Returns a column in a known type.
        created_as: The PostgreSQL type of a new column; None if it follows from the
            known type.
    """

    convert: Callable[[pa.Array], pa.Array]
    created_as: bytes | None = None


def _conversion(kind: pa.DataType) -> Conversion | None:
    """Return how a type that is itself foreign is converted; None for any other."""
    if isinstance(kind, pa.BaseExtensionType):
        return _extension_conversion(kind)
    if pa.types.is_interval(kind):
        return Conversion(lambda column: _texts(column, _interval_text), b"interval")
    if pa.types.is_union(kind):
        return Conversion(lambda column: _texts(column, _plain_text))
    if pa.types.is_time(kind):
        return Conversion(_convert_times, b"time without time zone")
    if _may_be_hugeint(kind):
        return Conversion(_convert_wide_integers, WIDE_PG_TYPE)
    return None


def _extension_conversion(kind: pa.BaseExtensionType) -> Conversion:
    name = kind.extension_name
    if name == "arrow.opaque" and kind.vendor_name == "DuckDB":
        duckdb_type = DUCKDB_TYPES.get(kind.type_name)
        if duckdb_type is not None:
            return Conversion(
                partial(_read_duckdb, duckdb_type=duckdb_type), duckdb_type.created_as
            )
    conversions = {
        "arrow.json": Conversion(lambda column: column.storage.cast(TEXT), b"jsonb"),
        "arrow.uuid": Conversion(
            lambda column: _texts(column.storage, _uuid_text), b"uuid"
        ),
        "arrow.bool8": Conversion(lambda column: column.storage.cast(pa.bool_())),
    }
    return conversions.get(name, Conversion(lambda column: column.storage))


def _read_duckdb(column: pa.Array, *, duckdb_type: DuckDBType) -> pa.Array:
    return _texts(column.storage, duckdb_type.write).cast(duckdb_type.kind)


def _uuid_text(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw))


def _plain_text(value: object) -> str:
    return as_text(to_native(value))


def _texts(column: pa.Array, write: Callable[..., str]) -> pa.Array:
    values = column.to_pylist()
    return pa.array([None if one is None else write(one) for one in values], TEXT)


def _interval_text(value: pa.MonthDayNano) -> str:
    """Return months, days and nanoseconds in ISO 8601, which PostgreSQL reads."""
    months, days, nanoseconds = value
    return f"P{months}M{days}DT{_seconds_text(nanoseconds, UNITS['ns'])}S"


def _seconds_text(count: int, per_second: int) -> str:
    sign, (whole, rest) = "-" if count < 0 else "", divmod(abs(count), per_second)
    digits = f"{rest + per_second}"[1:].rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def _convert_times(column: pa.Array) -> pa.Array:
    """Return times unchanged, or all as text if one is not within a day (24:00)."""
    per_second = UNITS[column.type.unit]
    counts = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    if is_within(counts, 0, SECONDS_OF_A_DAY * per_second - 1):
        return column
    return _texts(counts, lambda count: _clock_text(count, per_second))


def _clock_text(count: int, per_second: int) -> str:
    minutes, rest = divmod(abs(count), 60 * per_second)
    seconds = _seconds_text(rest, per_second)
    padded = seconds if len(seconds.partition(".")[0]) > 1 else f"0{seconds}"
    return f"{'-' if count < 0 else ''}{minutes // 60:02}:{minutes % 60:02}:{padded}"


def _convert_wide_integers(column: pa.Array) -> pa.Array:
    return (
        column
        if is_within(column, -_MAX_DECIMAL, _MAX_DECIMAL)
        else column.cast(WIDE_DECIMAL)
    )


def is_within(numbers: pa.Array, least: int, most: int) -> bool:
    """Return whether no number is below the least or above the most."""
    extremes = pc.min_max(numbers).as_py()
    return (
        extremes["min"] is None or least <= extremes["min"] <= extremes["max"] <= most
    )
