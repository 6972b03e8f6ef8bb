"""Python values as Arrow columns, without losing any: what does not fit is text.

A column's type is decided from all values of a chunk, not from a sample, and
widens from chunk to chunk: whole numbers to numbers where that is exact, and
everything else to text.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from propload.sources.values import KNOWN, as_text, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TEXT = pa.large_string()
INTEGER = pa.int64()
NUMBER = pa.float64()

#: Rows turned into columns at once: their values stay in the processor's cache, which
#: doubles the speed.
HOT_ROWS = 500
#: Every whole number up to this has a float of the same value.
EXACT_IN_FLOAT = 2**53
INT64_LEAST, INT64_MOST = -(2**63), 2**63 - 1
#: What an Arrow decimal128 holds, and so what PostgreSQL's COPY can be given.
DECIMAL_DIGITS = 38

#: Python types that one Arrow type holds exactly.
SCALARS: dict[type, pa.DataType] = {
    str: TEXT,
    int: INTEGER,
    float: NUMBER,
    bool: pa.bool_(),
    bytes: pa.large_binary(),
    dt.date: pa.date32(),
    dt.time: pa.time64("us"),
    dt.timedelta: pa.duration("us"),
}
#: Polars builds these up to twice as fast as Arrow does, from some rows on.
FAST_ROWS = 1_000
FAST = {TEXT: pl.String, INTEGER: pl.Int64, NUMBER: pl.Float64, pa.bool_(): pl.Boolean}


class Columns:
    """Makes batches from rows and remembers the columns of earlier ones.

    Args:
        complete: Whether rows have the columns of all earlier ones, as nulls; else
            only the types are remembered.
    """

    def __init__(self, *, complete: bool = True) -> None:
        self._complete = complete
        #: A column that held nothing but nulls so far has the type None.
        self._known: dict[str, pa.DataType | None] = {}

    def build(self, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
        """Return one batch with the columns of these and of all earlier rows.

        Raises:
            UnicodeEncodeError: A text holds half of a surrogate pair.
        """
        made = self._make(rows)
        for name in made:
            self._known.setdefault(name, None)
        arrays = []
        names = [n for n in self._known if self._complete or n in made]
        for name in names:
            array = made.get(name)
            if array is None:
                array = pa.nulls(len(rows), self._known[name] or TEXT)
            elif array.null_count < len(array):
                self._known[name] = array.type
            arrays.append(array)
        return pa.RecordBatch.from_arrays(arrays, _names(names))

    def _make(self, rows: Sequence[dict[str, Any]]) -> dict[str, pa.Array]:
        """Return the column of each key, in the order in which the keys first came."""
        names = dict.fromkeys(chain.from_iterable(rows[:1]))
        growing = [_Growing(self._known.get(name)) for name in names]
        for columns in _turned(rows, tuple(names)):
            if columns is None:
                names = dict.fromkeys(chain.from_iterable(rows))
                growing = [_Growing(None, plain=False) for _ in names]
                break
            for one, values in zip(growing, columns, strict=True):
                one.add(values)
        made = {}
        for name, one in zip(names, growing, strict=True):
            array = one.array()
            if array is None:
                whole = [row.get(name) for row in rows]
                array = make_array(whole, self._known.get(name))
            made[name] = array
        return made


class _Growing:
    """A column made part by part, as long as its values are of one plain type.

    What becomes of it is what `make_array` makes of all values at once; a column
    that is not that plain is left to it.

    Args:
        known: The type of the column in earlier chunks, or None.
        plain: Whether to try at all.
    """

    def __init__(self, known: pa.DataType | None, *, plain: bool = True) -> None:
        self._plain = plain
        self._type = known
        self._parts: list[pa.Array] = []

    def add(self, values: Sequence[Any]) -> None:
        """Take the values of further rows."""
        if not self._plain:
            return
        types = set(map(type, values))
        types.discard(type(None))
        if not types:
            self._parts.append(pa.nulls(len(values)))
            return
        (kind, *others) = types
        array = None if others else _plain_array(values, kind)
        if array is None or self._type not in (None, array.type):
            self._plain = False
            self._parts.clear()
            return
        self._type = array.type
        self._parts.append(array)

    def array(self) -> pa.Array | None:
        """Return the whole column, or None where it is not plain."""
        if not self._plain:
            return None
        kind = self._type or TEXT
        parts = [part if part.type == kind else part.cast(kind) for part in self._parts]
        return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


def _plain_array(values: Sequence[Any], kind: type) -> pa.Array | None:
    """Return values of one type and nulls as Arrow holds them, None where it cannot."""
    try:
        if kind is dt.datetime:
            return _timestamps(values)
        return pa.array(values, type=SCALARS[kind]) if kind in SCALARS else None
    except (TypeError, ValueError, OverflowError, pa.ArrowException):
        return None


def _turned(
    rows: Sequence[dict[str, Any]], names: tuple[str, ...]
) -> Iterator[tuple[tuple[Any, ...], ...] | None]:
    """Yield the columns of some rows at a time; None where rows differ in keys."""
    for start in range(0, len(rows), HOT_ROWS):
        part = rows[start : start + HOT_ROWS]
        if set(map(tuple, part)) != {names}:
            yield None
            return
        yield tuple(zip(*map(dict.values, part), strict=True))


def make_array(values: Sequence[Any], known: pa.DataType | None) -> pa.Array:
    """Return the values as the narrowest type that loses none of them.

    Args:
        values: Python values; None is null.
        known: The type of the column in earlier chunks, or None.
    """
    types = set(map(type, values))
    if not types <= KNOWN:
        values = [plain(value) for value in values]
        types = set(map(type, values))
    types.discard(type(None))
    if not types:
        return pa.nulls(len(values), known or TEXT)
    array = None if known == TEXT else _exact(values, types, known)
    if array is None or not _widens(known, array.type):
        array = _build([None if v is None else as_text(v) for v in values], TEXT)
    return array


def _widens(known: pa.DataType | None, found: pa.DataType) -> bool:
    return known in (None, found) or (known == INTEGER and found == NUMBER)


def _exact(
    values: Sequence[Any], types: set[type], known: pa.DataType | None
) -> pa.Array | None:
    """Return the values as one type, or None where only text holds them all."""
    if types <= {int, float}:
        return _numbers(values, types, known)
    if len(types) > 1:
        return None
    (kind,) = types
    if kind in SCALARS:
        return _build(values, SCALARS[kind])
    special: dict[type, Callable[[Sequence[Any]], pa.Array | None]] = {
        dt.datetime: _timestamps,
        Decimal: _decimals,
        list: _lists,
    }
    return special[kind](values) if kind in special else None


def _build(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind in FAST and len(values) >= FAST_ROWS:
        return pl.Series(values=values, dtype=FAST[kind]).to_arrow()
    return pa.array(values, type=kind)


def _numbers(
    values: Sequence[Any], types: set[type], known: pa.DataType | None
) -> pa.Array | None:
    whole = [v for v in values if type(v) is int] if int in types else []
    if types == {int} and known != NUMBER:
        if whole and not (min(whole) >= INT64_LEAST and max(whole) <= INT64_MOST):
            return None
        return _build(values, INTEGER)
    if any(abs(v) > EXACT_IN_FLOAT for v in whole):
        return None
    return _build(values, NUMBER)


def _timestamps(values: Sequence[dt.datetime | None]) -> pa.Array | None:
    aware = {value.tzinfo is not None for value in values if value is not None}
    if len(aware) > 1:
        return None
    if aware != {True}:
        return pa.array(values, type=pa.timestamp("us"))
    if all(value is None or value.tzinfo is dt.UTC for value in values):
        return pa.array(values, type=pa.timestamp("us", tz="UTC"))
    # importing pandera sets PYARROW_IGNORE_TIMEZONE, with which pyarrow takes any
    # zone's clock for UTC's: only a moment in UTC survives that
    in_utc = [value and value.astimezone(dt.UTC) for value in values]
    return pa.array(in_utc, type=pa.timestamp("us", tz="UTC"))


def _decimals(values: Sequence[Decimal | None]) -> pa.Array | None:
    try:
        found = pa.array(values)
    except pa.ArrowInvalid:
        # more digits than Arrow holds, or not a number at all
        return None
    if not pa.types.is_decimal128(found.type):
        return None
    return found.cast(pa.decimal128(DECIMAL_DIGITS, found.type.scale))


def _lists(values: Sequence[list[Any] | None]) -> pa.Array | None:
    inner = set(map(type, chain.from_iterable(v for v in values if v)))
    inner.discard(type(None))
    if len(inner) > 1 or not inner <= {str, int, float, bool}:
        return None
    kind = SCALARS[inner.pop()] if inner else TEXT
    try:
        return pa.array(values, type=pa.large_list(kind))
    except (OverflowError, pa.ArrowInvalid):
        return None


def _names(columns: Sequence[str] | dict[str, Any]) -> list[str]:
    return [name or f"column_{place}" for place, name in enumerate(columns, 1)]
