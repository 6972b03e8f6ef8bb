"""Infers the types of columns of rejected rows from all their values.

Values may be added in parts; how they are divided makes no difference.
"""

from __future__ import annotations

from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from propload.values.columns import INT64_LEAST, INT64_MOST, make_column
from propload.values.plain_columns import TEXT
from propload.values.python_text import EXACT_IN_FLOAT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Types of decoded JSON whose values all fit into one type.
_SCALARS: Mapping[type, pl.DataType] = {
    str: pl.String(),
    bool: pl.Boolean(),
    float: pl.Float64(),
}
_NUMBERS = {int, float}


class SeenValues:
    """Infers the type of a column from all decoded JSON values that were added.

    If no single type holds them all exactly, it is text. Integers and floats have one
    type together, alone and in lists. In objects they have not: such a column becomes
    text, which has each number as it was read.
    """

    def __init__(self) -> None:
        #: The Python types of the values, except None's.
        self._kinds: set[type] = set()
        # bounds of the integers, and of 0
        self._least = self._most = 0
        #: The elements of lists, once a list was seen.
        self._elements: SeenValues | None = None
        #: The fields of objects, once an object was seen.
        self._fields: dict[str, SeenValues] | None = None
        self._has_other_fields = False

    def add(self, values: Sequence[Any]) -> None:
        """Add more values."""
        kinds = _kinds(values)
        self._kinds |= kinds
        if self._is_mixed():
            return
        if int in kinds:
            integers = [value for value in values if type(value) is int]
            integers += [self._least, self._most]
            self._least, self._most = min(integers), max(integers)
        elif list in kinds:
            self._elements = self._elements or SeenValues()
            self._elements.add(list(chain.from_iterable(filter(None, values))))
        elif dict in kinds:
            self._add_objects([value for value in values if value is not None])

    @property
    def dtype(self) -> pl.DataType:
        """The type that holds all values; text if none does, or if all are null."""
        dtype = self._exact_type(in_object=False) or pl.String()
        if dtype == pl.Null:
            return pl.String()
        return pl.List(pl.String) if dtype == pl.List(pl.Null) else dtype

    def column(self, name: str, values: Sequence[Any]) -> pl.Series:
        """Return values that were added before as a column of type `dtype`."""
        dtype = self.dtype
        if dtype == pl.String and not _kinds(values) <= {str}:
            return pl.Series(name, make_column(values, TEXT)[0], dtype)
        # via Arrow: of nested Python values Polars makes a frame for each row
        if dtype.is_nested():
            values = pa.array(values, pl.Series(dtype=dtype).to_arrow().type)
        return pl.Series(name, values, dtype)

    def _is_mixed(self) -> bool:
        """Return whether the values have kinds that no single type holds."""
        return len(self._kinds) > 1 and self._kinds != _NUMBERS

    def _add_objects(self, objects: Sequence[dict[str, Any]]) -> None:
        if self._fields is None:
            self._fields = {name: SeenValues() for name in objects[0]}
        # a missing field is not the same as a null
        names = self._fields.keys()
        if not all(map(names.__eq__, map(dict.keys, objects))):
            self._has_other_fields = True
        if self._has_other_fields:
            return
        for name, seen in self._fields.items():
            seen.add([item[name] for item in objects])

    def _exact_type(self, *, in_object: bool) -> pl.DataType | None:
        """Return the type that holds all values exactly, or None if none does.

        Args:
            in_object: Whether the values are in objects.
        """
        if not self._kinds:
            return pl.Null()
        if self._is_mixed():
            return None
        if int in self._kinds:
            return self._number(in_object=in_object)
        if self._elements is not None:
            return self._list(self._elements, in_object=in_object)
        if self._fields is not None:
            return self._struct(self._fields)
        return _SCALARS[next(iter(self._kinds))]

    def _number(self, *, in_object: bool) -> pl.DataType | None:
        if float not in self._kinds:
            is_held = self._least >= INT64_LEAST and self._most <= INT64_MOST
            return pl.Int64() if is_held else None
        is_exact = self._least >= -EXACT_IN_FLOAT and self._most <= EXACT_IN_FLOAT
        return pl.Float64() if is_exact and not in_object else None

    def _list(self, elements: SeenValues, *, in_object: bool) -> pl.DataType | None:
        inner = elements._exact_type(in_object=in_object)
        if inner is None or (inner.is_nested() and not in_object):
            # as text they are JSON, as when a source reads them
            return None
        return pl.List(inner)

    def _struct(self, fields: Mapping[str, SeenValues]) -> pl.DataType | None:
        if self._has_other_fields:
            return None
        kinds: dict[str, pl.DataType] = {}
        for name, seen in fields.items():
            kind = seen._exact_type(in_object=True)  # noqa: SLF001 - of the same class
            if kind is None:
                return None
            kinds[name] = kind
        return pl.Struct(kinds)


class GrowingColumn:
    """A column whose values are added in parts.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen = SeenValues()
        self._parts: dict[int, pl.Series] = {}

    @property
    def needs_reconversion(self) -> bool:
        """Whether it became text after some parts were converted to another type."""
        return self._seen.dtype == pl.String and not all(
            part.dtype == pl.String or _is_null(part) for part in self._parts.values()
        )

    def add(self, start: int, values: Sequence[Any]) -> None:
        """Add the values of the rows from `start` on."""
        self._seen.add(values)
        self.convert(start, values)

    def convert(self, start: int, values: Sequence[Any]) -> None:
        """Convert values that were added, and replace an earlier conversion of them."""
        self._parts[start] = self._seen.column(self._name, values)

    def to_series(self, rows: int) -> pl.Series:
        """Return the values of all rows; rows without a value are null.

        Args:
            rows: How many rows there are.
        """
        dtype, parts, end = self._seen.dtype, [], 0
        for start, part in self._parts.items():
            parts.append(_nulls(start - end, dtype))
            parts.append(
                _nulls(len(part), dtype) if _is_null(part) else part.cast(dtype)
            )
            end = start + len(part)
        parts.append(_nulls(rows - end, dtype))
        return pl.concat(parts, rechunk=True).alias(self._name)


def rows_as_read(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame with every column that any of them has.

    A column whose values no single type holds exactly is text.

    Args:
        rows: Decoded JSON objects.
    """
    columns = []
    for name, values in values_by_column(rows).items():
        seen = SeenValues()
        seen.add(values)
        columns.append(seen.column(name, values))
    return pl.DataFrame(columns)


def values_by_column(rows: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    """Return the values of each column that any of the rows has."""
    names = list(rows[0]) if rows else []
    if all(map(names.__eq__, map(list, rows))):
        values = zip(*(row.values() for row in rows), strict=True)
        return dict(zip(names, values, strict=False))
    all_names = dict.fromkeys(chain.from_iterable(rows))
    return {name: [row.get(name) for row in rows] for name in all_names}


def _kinds(values: Sequence[Any]) -> set[type]:
    return set(map(type, values)) - {NoneType}


def _is_null(part: pl.Series) -> bool:
    return part.null_count() == len(part)


def _nulls(rows: int, dtype: pl.DataType) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, rows)
