"""Makes plain columns, whose values one Arrow type holds as they are, in fast ways."""

from __future__ import annotations

import datetime as dt
from operator import contains
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEXT = pa.large_string()
INTEGER = pa.int64()
NUMBER = pa.float64()
NULL = pa.null()
TIME = pa.time64("us")
MOMENT = pa.timestamp("us")
MOMENT_IN_UTC = pa.timestamp("us", tz="UTC")

#: Python types that one Arrow type holds exactly.
SCALARS: dict[type, pa.DataType] = {
    str: TEXT,
    int: INTEGER,
    float: NUMBER,
    bool: pa.bool_(),
    bytes: pa.large_binary(),
    dt.date: pa.date32(),
    dt.timedelta: pa.duration("us"),
}
#: Types of values that may have a time zone, which the Python type does not show.
_ZONED_TYPES = (TIME, MOMENT, MOMENT_IN_UTC)
#: What building a column can raise because of a single value.
CONVERSION_ERRORS = (
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
    pa.ArrowException,
)


class PlainColumn:
    """Builds a column, as long as one Arrow type holds its values as they are.

    Args:
        earlier_type: The type of the column in earlier chunks, or None.
    """

    def __init__(self, earlier_type: pa.DataType | None) -> None:
        self._type = earlier_type
        self._parts: list[pa.Array] = []
        self._is_plain = True

    def add(self, values: Sequence[Any]) -> None:
        """Add the values of some rows."""
        if not self._is_plain:
            return
        kind = plain_type(values)
        if kind is not NULL and self._type is None:
            self._type = kind
        if kind is None or kind not in (NULL, self._type):
            self._is_plain = False
            return
        try:
            self._parts.append(pa.array(values, type=kind))
        except CONVERSION_ERRORS:
            # the value at fault is found when they are processed one by one
            self._is_plain = False

    def end(self) -> pa.Array | None:
        """Return all values as an array, or None if they are not plain."""
        if not self._is_plain:
            return None
        kind = self._type or TEXT
        parts = [p if p.type == kind else p.cast(kind) for p in self._parts]
        return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


class RowShape:
    """The names (in order) and types of columns that are all plain.

    With it, one call of Arrow converts a few rows, instead of one call per column.

    Args:
        schema: The columns.
        types: The type of each column, or None for one that held only nulls so far.
    """

    def __init__(
        self, schema: pa.Schema, types: Mapping[str, pa.DataType | None]
    ) -> None:
        self._names = schema.names
        self._schema = schema
        self._struct = pa.struct(schema)
        self._types = [_types_of(types[name]) for name in self._names]
        #: Columns whose values may have a time zone, and the types of these columns.
        self._zoned_columns = [
            (name, types[name]) for name in self._names if types[name] in _ZONED_TYPES
        ]

    def build(self, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch | None:
        """Return rows of this shape as a batch, or None if one has another shape.

        Args:
            rows: A few rows: for many this is slower than column by column.
        """
        if not all(map(self._matches, rows)):
            return None
        try:
            structs = pa.array(rows, type=self._struct)
        except CONVERSION_ERRORS:
            return None
        return pa.RecordBatch.from_arrays(structs.flatten(), schema=self._schema)

    def _matches(self, row: dict[str, Any]) -> bool:
        return (
            list(row) == self._names
            and all(map(contains, self._types, map(type, row.values())))
            and all(_has_zone(row[name], kind) for name, kind in self._zoned_columns)
        )


def _types_of(kind: pa.DataType | None) -> frozenset[type]:
    """Return the Python types of values that a column of an Arrow type may hold."""
    kinds = {**SCALARS, dt.datetime: MOMENT, dt.time: TIME}
    types = {python for python, arrow in kinds.items() if arrow == kind}
    if kind == MOMENT_IN_UTC:
        types = {dt.datetime}
    return frozenset({type(None), *types})


def plain_type(values: Sequence[Any]) -> pa.DataType | None:
    """Return the Arrow type that holds the values as they are, or None if none does."""
    types = set(map(type, values))
    types.discard(type(None))
    if not types:
        return NULL
    (kind, *others) = types
    if others:
        return None
    if kind is not dt.datetime and kind is not dt.time:
        return SCALARS.get(kind)
    zones = {value.tzinfo for value in values if value is not None}
    if zones == {None}:
        return TIME if kind is dt.time else MOMENT
    in_utc = kind is dt.datetime and all(map(_is_utc, zones))
    return MOMENT_IN_UTC if in_utc else None


def _has_zone(value: dt.datetime | dt.time | None, kind: pa.DataType) -> bool:
    """Return whether a value has the time zone of its column, or is null."""
    if value is None:
        return True
    return _is_utc(value.tzinfo) if kind == MOMENT_IN_UTC else value.tzinfo is None


def _is_utc(zone: dt.tzinfo | None) -> bool:
    return zone is dt.UTC or (isinstance(zone, ZoneInfo) and zone.key == "UTC")
