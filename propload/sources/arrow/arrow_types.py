"""Converts Arrow's rarer types to those that rows are prepared in, without loss."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from propload.batch import CREATED_AS
from propload.errors import SourceError
from propload.sources.arrow.foreign_types import Conversion, convert_foreign
from propload.sources.arrow.geometry import encode_geometries
from propload.sources.arrow.nested import holds, rebuild
from propload.sources.arrow.out_of_range_times import convert_out_of_range
from propload.sources.arrow.parts import reject_rows
from propload.values.plain_columns import TEXT
from propload.values.python_text import as_text
from propload.values.python_values import DECIMAL_DIGITS, to_native

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from propload.batch import Unread
    from propload.sources.arrow.parts import Part

#: The most seconds that 64 bits of milliseconds hold.
_MOST_SECONDS = (2**63 - 1) // 1_000


class _RepeatedKeysError(Exception):
    """Some rows have a map with a repeated key.

    Args:
        keys: The repeated key of each such row, by the row's place.
    """

    def __init__(self, keys: Mapping[int, str]) -> None:
        super().__init__(keys)
        self.keys = keys


def normalize_types(
    rows: pa.RecordBatch, source: str, faults: Sequence[Unread] = ()
) -> Part:
    """Return the rows in types that can be prepared, and the rows that are refused.

    Args:
        rows: Rows of any types.
        source: The name of their source in messages.
        faults: The refused rows between them, by places from 0 on.

    Raises:
        SourceError: A column has a type that cannot be converted.
    """
    rows = original = encode_geometries(rows)
    for place, field in enumerate(original.schema):
        try:
            column, created_as = _normalize_column(rows.column(place))
        except _RepeatedKeysError as error:
            reasons = {
                row: _repeated_key_message(field.name, key)
                for row, key in error.keys.items()
            }
            good, faults = reject_rows(original, reasons, "map", faults)
            return normalize_types(good, source, faults)
        except (pa.ArrowException, ValueError) as error:
            msg = f"{source}: column {field.name} is {field.type}, and {error}"
            raise SourceError(msg, source=source) from error
        if column.type.equals(field.type):
            continue
        # a type that the source states for a new column takes precedence
        created_as = (field.metadata or {}).get(CREATED_AS, created_as)
        metadata = {CREATED_AS: created_as} if created_as else None
        rows = rows.set_column(
            place, pa.field(field.name, column.type, metadata=metadata), column
        )
    return rows, faults


def _repeated_key_message(name: str, key: str) -> str:
    return (
        f"column {name}: one of its maps has the key {key!r} twice, which would lose "
        "a value: write each key once"
    )


def _normalize_column(column: pa.Array) -> tuple[pa.Array, bytes | None]:
    """Return the column in a known type, and the PostgreSQL type of a new column."""
    converted, pg_type = convert_foreign(column)
    conversion = _conversion(converted.type)
    if conversion is None:
        return converted, pg_type
    return conversion.convert(converted), pg_type or conversion.created_as


def _conversion(kind: pa.DataType) -> Conversion | None:
    """Return how a type is converted, or None if it is known as it is."""
    if pa.types.is_dictionary(kind) and (conversion := _conversion(kind.value_type)):
        convert, created_as = conversion
        return Conversion(
            lambda column: convert(column.dictionary_decode()), created_as
        )
    if _is_wide(kind):
        pg_type = f"numeric({_digits(kind)},{max(0, kind.scale)})"
        return Conversion(_decimal_texts, pg_type.encode())
    if holds(kind, pa.types.is_map) or holds(kind, _is_wide):
        return Conversion(_json_texts, b"jsonb")
    nearest = _nearest_type(kind)
    cast = _to_milliseconds if _is_in_seconds(kind) else _cast
    return (
        None
        if nearest.equals(kind)
        else Conversion(lambda column: cast(column, nearest))
    )


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    simplified = _simplify(column)
    # a cast to the type that a column already has would damage lists of nulls
    return simplified if simplified.type.equals(kind) else simplified.cast(kind)


def _nearest_type(kind: pa.DataType) -> pa.DataType:
    """Return the nearest type for which Polars holds all values, at any depth."""
    if pa.types.is_run_end_encoded(kind):
        return _nearest_type(kind.value_type)
    if pa.types.is_list(kind):
        return pa.list_(_nearest_type(kind.value_type))
    if pa.types.is_large_list(kind) or _is_unsupported(kind):
        return pa.large_list(_nearest_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_nearest_type(field.type)) for field in kind])
    if pa.types.is_dictionary(kind):
        value = _nearest_scalar_type(kind.value_type)
        return kind if value.equals(kind.value_type) else value
    return _nearest_scalar_type(kind)


def _nearest_scalar_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_duration(kind) and _is_in_seconds(kind):
        return pa.duration("ms")
    if pa.types.is_timestamp(kind) and _is_in_seconds(kind):
        return _nearest_scalar_type(pa.timestamp("ms", kind.tz))
    if pa.types.is_timestamp(kind) and kind.tz and not _is_known_zone(kind.tz):
        # another time zone does not change the instants
        return pa.timestamp(kind.unit, "UTC")
    if pa.types.is_date64(kind):
        return pa.date32()
    if pa.types.is_decimal(kind) and _digits(kind) <= DECIMAL_DIGITS:
        return pa.decimal128(_digits(kind), max(0, kind.scale))
    return kind


def _is_in_seconds(kind: pa.DataType) -> bool:
    has_unit = pa.types.is_timestamp(kind) or pa.types.is_duration(kind)
    return has_unit and bool(kind.unit == "s")


def _to_milliseconds(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return seconds as milliseconds, a unit that Polars has, clamped to its range.

    Polars would overflow: the largest number, which often stands for a missing value,
    became a timestamp in 1969. No table accepts a clamped value.
    """
    numbers = column.cast(pa.int64())
    capped = pc.min_element_wise(numbers, _MOST_SECONDS, skip_nulls=False)
    clamped = pc.max_element_wise(capped, -_MOST_SECONDS, skip_nulls=False)
    return pc.multiply(clamped, 1_000).cast(kind)


def _is_wide(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind)) and _digits(kind) > DECIMAL_DIGITS


def _digits(kind: pa.Decimal128Type | pa.Decimal256Type) -> int:
    """Return the digits of a decimal type, including the zeros of a negative scale."""
    return int(kind.precision - min(0, kind.scale))


@lru_cache
def _is_known_zone(zone: str) -> bool:
    """Return whether Polars knows a time zone; it does not know fixed offsets."""
    try:
        pl.from_arrow(pa.array([], pa.timestamp("us", zone)))
    except pl.exceptions.ComputeError:
        return False
    return True


def _decimal_texts(column: pa.Array) -> pa.Array:
    if column.type.scale < 0:
        # Arrow would write 1.2E+3
        column = column.cast(pa.decimal256(_digits(column.type), 0))
    return column.cast(TEXT)


def _is_unsupported(kind: pa.DataType) -> bool:
    """Return whether Polars lacks a type, or reads some of its values wrongly."""
    is_view = pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)
    is_fixed = pa.types.is_fixed_size_list(kind)
    return bool(is_view or is_fixed or pa.types.is_run_end_encoded(kind))


def _simplify(column: pa.Array) -> pa.Array:
    """Return the column with all lists as large lists, and runs of values decoded.

    Arrow's own cast of a list view makes the last list empty.
    """
    if not holds(column.type, _is_unsupported):
        return column
    if pa.types.is_run_end_encoded(column.type):
        return _simplify(pc.run_end_decode(column))
    return rebuild(column, _simplify)


def _json_texts(column: pa.Array) -> pa.Array:
    """Return maps, and other values that only JSON can hold, as JSON text.

    Raises:
        ValueError: The keys of the maps are nested values.
        _RepeatedKeysError: Some of the maps have a repeated key.
    """
    if holds(column.type, _has_nested_keys):
        msg = "no text is made of its maps' keys: make lists of structs of the maps"
        raise ValueError(msg)
    values = convert_out_of_range(column)
    try:
        rows = values.to_pylist(maps_as_pydicts="strict")
        texts = [None if row is None else as_text(_name_keys(row)) for row in rows]
    except (KeyError, ValueError) as error:
        # within structs, Arrow reports a repeated key as that of a field
        repeated = enumerate(map(_repeated_key, values.to_pylist()))
        keys = {place: key for place, key in repeated if key is not None}
        if not keys:
            raise
        raise _RepeatedKeysError(keys) from error
    return pa.array(texts, TEXT)


def _has_nested_keys(kind: pa.DataType) -> bool:
    return bool(pa.types.is_map(kind)) and kind.key_type.num_fields > 0


def _name_keys(value: object) -> object:
    """Return a value with the keys of its objects as text.

    Raises:
        KeyError: Two keys have the same text.
    """
    if isinstance(value, dict):
        named = {as_text(key): _name_keys(item) for key, item in value.items()}
        if len(named) < len(value):
            raise KeyError
        return named
    if isinstance(value, list):
        return [_name_keys(item) for item in value]
    return to_native(value)


def _repeated_key(value: object) -> str | None:
    """Return a repeated key of a map, or None; maps are lists of pairs here."""
    children: Iterable[object] = ()
    if isinstance(value, dict):
        children = value.values()
    elif isinstance(value, list | tuple):
        children = value
    seen: set[object] = set()
    for key, _ in (child for child in children if isinstance(child, tuple)):
        # 0.0 and -0.0 are equal, but their texts differ
        if not seen.isdisjoint((key, as_text(key))):
            return as_text(key)
        seen |= {key, as_text(key)}
    nested_keys = (key for key in map(_repeated_key, children) if key is not None)
    return next(nested_keys, None)
