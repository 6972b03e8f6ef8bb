"""Rejected rows to mend elsewhere: some at a time, all with the same columns."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO

import polars as pl
import pyarrow as pa

from propload.columns import EXACT_IN_FLOAT, make_column
from propload.plain_columns import TEXT
from propload.rejecting.lines import (
    OWN_COLUMNS,
    column_as_read,
    in_parts,
    reasons_as_text,
    sized_lines,
)
from propload.type_names import inner_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from propload.rejecting.lines import Line

#: So many rows are held at a time.
ROWS_AT_ONCE = 4_000
#: So many bytes of them, where they are long; as objects they take several times that.
BYTES_AT_ONCE = 8 << 20
#: Of lists that hold nothing yet.
_EMPTY = pl.List(pl.Null())
#: Whole numbers and others, alone and in lists: the types of both are no other kind.
_NUMBERS = (
    {pl.Int64(), pl.Float64()},
    {pl.List(pl.Int64()), pl.List(pl.Float64())},
)


class ExportedRows:
    """The rejected rows of a file: their columns as read, and their reasons.

    They are read twice, as only a look at all of them tells which columns there are,
    and of which types. What comes to the file meanwhile is no part of them.

    Args:
        file: The file, open until the last frame.
        path: Its name.

    Attributes:
        rows: How many there are.

    Raises:
        ConfigError: Somebody has changed the file, and a line is no rejected row.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self.rows = 0
        self._columns: dict[str, _Seen] = {}
        for part in in_parts(sized_lines(file, path), ROWS_AT_ONCE, BYTES_AT_ONCE):
            self._look_at(part)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows, some at a time; where there is none, a frame without any."""
        self._file.seek(0)
        lines = islice(sized_lines(self._file, self._path), self.rows)
        if not self.rows:
            yield self._frame([])
        for part in in_parts(lines, ROWS_AT_ONCE, BYTES_AT_ONCE):
            yield self._frame(part)

    def _look_at(self, part: list[Line]) -> None:
        self.rows += len(part)
        for name, values in _by_column(part).items():
            # a file of rejected rows that is loaded again bears names of ours
            if name not in OWN_COLUMNS:
                self._columns.setdefault(name, _Seen()).add(values)

    def _frame(self, part: list[Line]) -> pl.DataFrame:
        found, nothing = _by_column(part), [None] * len(part)
        columns = [
            seen.column(name, found.get(name, nothing))
            for name, seen in self._columns.items()
        ]
        return pl.DataFrame([*columns, reasons_as_text(part)])


def _by_column(part: list[Line]) -> dict[str, Sequence[Any]]:
    """Return the values of each column that a row has."""
    rows: list[dict[str, Any]] = [line["values"] or {} for line in part]
    names = list(rows[0]) if rows else []
    if all(map(names.__eq__, map(list, rows))):
        return dict(zip(names, zip(*map(dict.values, rows), strict=True), strict=False))
    every = dict.fromkeys(chain.from_iterable(rows))
    return {name: [row.get(name) for row in rows] for name in every}


class _Seen:
    """What the values of a column are, part by part."""

    def __init__(self) -> None:
        #: That of all parts that hold a value; None where none does.
        self._dtype: pl.DataType | None = None
        self._is_exact_in_float = True

    def add(self, values: Sequence[Any]) -> None:
        """Look at some more values."""
        kinds = _kinds(values)
        if not kinds or self._dtype == pl.String:
            return
        if kinds == {str}:
            self._join(pl.String())
        elif kinds == {list} and _are_empty(values):
            self._join(_EMPTY)
        elif not self._holds(values):
            found = column_as_read("", list(values))
            self._is_exact_in_float &= _is_exact_in_float(found)
            self._join(found.dtype)

    def column(self, name: str, values: Sequence[Any]) -> pl.Series:
        """Return values as the type that holds all that were looked at."""
        dtype = self._dtype or pl.String()
        dtype = pl.List(pl.String()) if dtype == _EMPTY else dtype
        if dtype == pl.String and not _kinds(values) <= {str}:
            return pl.Series(name, make_column(values, TEXT)[0], dtype)
        # of nested values Polars makes a frame a row
        known = pa.array(values, _arrow(dtype)) if dtype.is_nested() else values
        return pl.Series(name, known, dtype)

    def _join(self, dtype: pl.DataType) -> None:
        self._dtype = self._both(self._dtype or dtype, dtype) or pl.String()

    def _holds(self, values: Sequence[Any]) -> bool:
        """Return whether nested values are of the type that is known; not if unsure."""
        dtype = self._dtype
        # Python says that 1 is 1.0 and True
        if dtype is None or not dtype.is_nested() or not _is_of_texts(dtype):
            return False
        try:
            found = pa.array(values, _arrow(dtype))
            # of objects, fields that the type lacks are left out without a word
            return dtype == pl.List(pl.String) or found.to_pylist() == list(values)
        except (TypeError, pa.ArrowException):
            return False

    def _both(self, one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
        """Return the type that holds all values of two, or None where none does."""
        if {one, other} in _NUMBERS and self._is_exact_in_float:
            return one if _innermost(one) == pl.Float64() else other
        return _both_of(one, other)


def _both_of(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    if pl.Null() in {one, other}:
        return one if other == pl.Null() else other
    if isinstance(one, pl.List) and isinstance(other, pl.List):
        within = _both_of(inner_type(one), inner_type(other))
        return within and pl.List(within)
    if isinstance(one, pl.Struct) and isinstance(other, pl.Struct):
        return _both_structs(one, other)
    return one if one == other else None


def _both_structs(one: pl.Struct, other: pl.Struct) -> pl.DataType | None:
    ones, others = pl.Schema(one.to_schema()), pl.Schema(other.to_schema())
    if ones.keys() != others.keys():
        # a field that a row has not is no null
        return None
    both = {name: _both_of(kind, others[name]) for name, kind in ones.items()}
    fields = {name: kind for name, kind in both.items() if kind is not None}
    return pl.Struct(fields) if len(fields) == len(both) else None


def _kinds(values: Sequence[Any]) -> set[type]:
    return set(map(type, values)) - {type(None)}


def _arrow(dtype: pl.DataType) -> pa.DataType:
    return pl.Series([], dtype=dtype).to_arrow().type


def _are_empty(lists: Sequence[list[Any] | None]) -> bool:
    """Return whether lists hold no value that tells of which type they are."""
    return not any(one is not None for some in lists for one in some or ())


def _is_of_texts(dtype: pl.DataType) -> bool:
    return not any(kind in repr(dtype) for kind in ("Int", "Float", "Boolean"))


def _innermost(dtype: pl.DataType) -> pl.DataType:
    return inner_type(dtype) if isinstance(dtype, pl.List) else dtype


def _is_exact_in_float(found: pl.Series) -> bool:
    """Return whether each whole number, also in lists, has a float of its value."""
    if _innermost(found.dtype) != pl.Int64():
        return True
    numbers = found.explode() if isinstance(found.dtype, pl.List) else found
    return bool(numbers.is_between(-EXACT_IN_FLOAT, EXACT_IN_FLOAT).all())
