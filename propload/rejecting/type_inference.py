"""Columns of rejected rows: of which types they are is learned from all their values.

They are looked at part by part, and it makes no difference in which parts.
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

#: What JSON gives that one type holds, whatever the value.
_SCALARS: Mapping[type, pl.DataType] = {
    str: pl.String(),
    bool: pl.Boolean(),
    float: pl.Float64(),
}
_NUMBERS = {int, float}


class SeenValues:
    """What the values of a column are: as JSON gives them, of all that were added.

    Text is what no one type holds exactly. Numbers are one type whether they are whole
    or not, alone and in lists; in objects not, whose text has each as it was read.
    """

    def __init__(self) -> None:
        #: Python's types of them, but for None's.
        self._kinds: set[type] = set()
        # bounds of the whole numbers, and 0
        self._least = self._most = 0
        #: What is in lists, once one was seen.
        self._elements: SeenValues | None = None
        #: What is in objects, once one was seen.
        self._fields: dict[str, SeenValues] | None = None
        self._has_other_fields = False

    def add(self, values: Sequence[Any]) -> None:
        """Look at some more values."""
        found = _kinds(values)
        self._kinds |= found
        if self._is_mixed():
            return
        if int in found:
            whole = [value for value in values if type(value) is int]
            whole += [self._least, self._most]
            self._least, self._most = min(whole), max(whole)
        elif list in found:
            self._elements = self._elements or SeenValues()
            self._elements.add(list(chain.from_iterable(filter(None, values))))
        elif dict in found:
            self._look_within([value for value in values if value is not None])

    @property
    def dtype(self) -> pl.DataType:
        """The type that holds them all; text where none does, or none was seen."""
        found = self._exact(within=False) or pl.String()
        if found == pl.Null:
            return pl.String()
        return pl.List(pl.String) if found == pl.List(pl.Null) else found

    def column(self, name: str, values: Sequence[Any]) -> pl.Series:
        """Return values that were added as a column of the type that holds all."""
        dtype = self.dtype
        if dtype == pl.String and not _kinds(values) <= {str}:
            return pl.Series(name, make_column(values, TEXT)[0], dtype)
        # of nested values Polars makes a frame a row
        if dtype.is_nested():
            values = pa.array(values, pl.Series(dtype=dtype).to_arrow().type)
        return pl.Series(name, values, dtype)

    def _is_mixed(self) -> bool:
        """Return whether they are of kinds that no type holds together."""
        return len(self._kinds) > 1 and self._kinds != _NUMBERS

    def _look_within(self, objects: Sequence[dict[str, Any]]) -> None:
        if self._fields is None:
            self._fields = {name: SeenValues() for name in objects[0]}
        # a field that an object has not is no null
        known = self._fields.keys()
        if not all(map(known.__eq__, map(dict.keys, objects))):
            self._has_other_fields = True
        if self._has_other_fields:
            return
        for name, seen in self._fields.items():
            seen.add([one[name] for one in objects])

    def _exact(self, *, within: bool) -> pl.DataType | None:
        """Return the type that holds them all exactly, or None where none does.

        Args:
            within: Whether they are in objects.
        """
        if not self._kinds:
            return pl.Null()
        if self._is_mixed():
            return None
        if int in self._kinds:
            return self._number(within=within)
        if self._elements is not None:
            return self._list(self._elements, within=within)
        if self._fields is not None:
            return self._struct(self._fields)
        return _SCALARS[next(iter(self._kinds))]

    def _number(self, *, within: bool) -> pl.DataType | None:
        if float not in self._kinds:
            is_held = self._least >= INT64_LEAST and self._most <= INT64_MOST
            return pl.Int64() if is_held else None
        is_exact = self._least >= -EXACT_IN_FLOAT and self._most <= EXACT_IN_FLOAT
        return pl.Float64() if is_exact and not within else None

    def _list(self, elements: SeenValues, *, within: bool) -> pl.DataType | None:
        inner = elements._exact(within=within)
        if inner is None or (inner.is_nested() and not within):
            # as text they are JSON, which is what a source makes of them
            return None
        return pl.List(inner)

    def _struct(self, fields: Mapping[str, SeenValues]) -> pl.DataType | None:
        if self._has_other_fields:
            return None
        kinds: dict[str, pl.DataType] = {}
        for name, seen in fields.items():
            kind = seen._exact(within=True)  # noqa: SLF001 - of its own kind
            if kind is None:
                return None
            kinds[name] = kind
        return pl.Struct(kinds)


class GrowingColumn:
    """A column of which the values of some rows come at a time.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen = SeenValues()
        self._parts: dict[int, pl.Series] = {}

    @property
    def is_spoilt(self) -> bool:
        """Whether it became text when some values were of another type already."""
        return self._seen.dtype == pl.String and not all(
            part.dtype == pl.String or _is_null(part) for part in self._parts.values()
        )

    def add(self, start: int, values: Sequence[Any]) -> None:
        """Take the values of the rows from one on."""
        self._seen.add(values)
        self.put(start, values)

    def put(self, start: int, values: Sequence[Any]) -> None:
        """Put values that were added in the place of those made of them before."""
        self._parts[start] = self._seen.column(self._name, values)

    def whole(self, rows: int) -> pl.Series:
        """Return the values of all rows; those that had none are null.

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
    """Return rows as a frame with every column that one of them has.

    A column of values that no one type holds exactly is text.

    Args:
        rows: Rows as JSON gives them.
    """
    columns = []
    for name, values in values_by_column(rows).items():
        seen = SeenValues()
        seen.add(values)
        columns.append(seen.column(name, values))
    return pl.DataFrame(columns)


def values_by_column(rows: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    """Return the values of each column that one of the rows has."""
    names = list(rows[0]) if rows else []
    if all(map(names.__eq__, map(list, rows))):
        values = zip(*(row.values() for row in rows), strict=True)
        return dict(zip(names, values, strict=False))
    every = dict.fromkeys(chain.from_iterable(rows))
    return {name: [row.get(name) for row in rows] for name in every}


def _kinds(values: Sequence[Any]) -> set[type]:
    return set(map(type, values)) - {NoneType}


def _is_null(part: pl.Series) -> bool:
    return part.null_count() == len(part)


def _nulls(rows: int, dtype: pl.DataType) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, rows)
