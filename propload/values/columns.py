"""Makes Arrow columns of Python values without losing any: what does not fit is text.

A column's type is decided from all values of a chunk, not from a sample, and
widens from chunk to chunk: integers to floats where that is exact, and everything
else to text.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
import pyarrow as pa

from propload.values.arrow_fields import IS_JSON, make_field, number_metadata
from propload.values.plain_columns import (
    INTEGER,
    MOMENT,
    MOMENT_IN_UTC,
    NUMBER,
    SCALARS,
    TEXT,
    TIME,
    PlainColumn,
    RowShape,
)
from propload.values.python_text import EXACT_IN_FLOAT, column_text
from propload.values.python_values import (
    DECIMAL_DIGITS,
    NATIVE_TYPES,
    NESTED,
    to_native,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: A column, and the metadata of its field.
ColumnData: TypeAlias = "tuple[pa.Array, Mapping[bytes, bytes]]"
#: Rows processed together: their values fit in the processor's cache.
ROWS_AT_ONCE = 2_000
#: Most rows for which one call for all columns is faster than one call for each column.
FEW_ROWS = 64
INT64_LEAST, INT64_MOST = -(2**63), 2**63 - 1

#: From this number of rows on, Polars builds these types up to twice as fast as Arrow.
FAST_ROWS = 1_000
FAST = {TEXT: pl.String, INTEGER: pl.Int64, NUMBER: pl.Float64, pa.bool_(): pl.Boolean}


class Columns:
    """Makes batches from rows and remembers the columns of earlier ones.

    Args:
        complete: Whether rows also get the columns of all earlier ones, as nulls; if
            not, only the types are remembered.
    """

    def __init__(self, *, complete: bool = True) -> None:
        self._complete = complete
        #: Column types; None for a column that held only nulls so far.
        self._types: dict[str, pa.DataType | None] = {}
        #: The shape of the previous rows, if all their columns were plain.
        self._shape: RowShape | None = None

    @property
    def types(self) -> Mapping[str, pa.DataType | None]:
        """The columns so far, in order; None for one that held only nulls."""
        return self._types

    def build(self, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
        """Return the rows as one batch; if `complete`, with all earlier columns too.

        Raises:
            UnicodeEncodeError: A text contains half of a surrogate pair.
        """
        few = len(rows) <= FEW_ROWS
        batch = self._shape.build(rows) if few and self._shape else None
        return self._build(rows) if batch is None else batch

    def _build(self, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
        columns, are_plain = self._make(rows)
        # stored in self._types only once the batch could be made
        types = {**self._types, **{n: None for n in columns if n not in self._types}}
        names = [n for n in types if self._complete or n in columns]
        arrays, fields = [], []
        for place, name in enumerate(names, 1):
            if name in columns:
                array, metadata = columns[name]
            else:
                array, metadata = pa.nulls(len(rows), types[name] or TEXT), {}
            if array.null_count < len(array):
                types[name] = array.type
            arrays.append(array)
            fields.append(make_field(name or f"column_{place}", array.type, metadata))
        batch = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
        self._types = types
        is_plain = (
            are_plain and len(columns) == len(names) and names == batch.schema.names
        )
        self._shape = RowShape(batch.schema, types) if is_plain and names else None
        return batch

    def _make(
        self, rows: Sequence[dict[str, Any]]
    ) -> tuple[dict[str, ColumnData], bool]:
        """Return the column of each key, in order of first occurrence.

        The second value is whether all of them are plain.
        """
        names = list(rows[0]) if rows else []
        plain: dict[str, pa.Array] = {}
        if all(map(names.__eq__, map(list, rows))):
            plain = self._make_plain(rows, names)
        else:
            names = list(dict.fromkeys(chain.from_iterable(rows)))
        columns: dict[str, ColumnData] = {}
        for name in names:
            if name in plain:
                columns[name] = plain[name], {}
            else:
                values = [row.get(name) for row in rows]
                columns[name] = make_column(values, self._types.get(name))
        return columns, len(plain) == len(names)

    def _make_plain(
        self, rows: Sequence[dict[str, Any]], names: Sequence[str]
    ) -> dict[str, pa.Array]:
        """Return the plain columns of rows that all have these keys in this order.

        They equal those of `make_array`, at half the cost: the values of some rows at a
        time are processed while they are in the processor's cache.
        """
        columns = [PlainColumn(self._types.get(name)) for name in names]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            values = list(chain.from_iterable(row.values() for row in part))
            for place, column in enumerate(columns):
                column.add(values[place :: len(names)])
        arrays = zip(names, (column.end() for column in columns), strict=True)
        return {name: array for name, array in arrays if array is not None}


def make_array(values: Sequence[Any]) -> pa.Array:
    """Return the values as an array of the narrowest type that loses none of them.

    Args:
        values: Python values; None is null.
    """
    return make_column(values, None)[0]


def make_column(values: Sequence[Any], earlier_type: pa.DataType | None) -> ColumnData:
    """Return the values as by `make_array`, and the metadata of the field.

    JSON becomes text, because Arrow has no type for arbitrary objects and lists.

    Args:
        values: Python values; None is null.
        earlier_type: The type of the column in earlier chunks, or None.
    """
    types = set(map(type, values))
    if not types <= NATIVE_TYPES:
        values = [to_native(value) for value in values]
        types = set(map(type, values))
    types.discard(type(None))
    if not types:
        return pa.nulls(len(values), earlier_type or TEXT), {}
    array = None if earlier_type == TEXT else _typed_array(values, types, earlier_type)
    if array is None or not _widens(earlier_type, array.type):
        texts = [None if v is None else column_text(v) for v in values]
        metadata = IS_JSON if types <= NESTED else number_metadata(values, types)
        return _build(texts, TEXT), metadata
    return array, {}


def _widens(earlier_type: pa.DataType | None, kind: pa.DataType) -> bool:
    return earlier_type in (None, kind) or (earlier_type == INTEGER and kind == NUMBER)


def _typed_array(
    values: Sequence[Any], types: set[type], earlier_type: pa.DataType | None
) -> pa.Array | None:
    """Return the values as one type, or None if only text can hold all of them."""
    if types <= {int, float}:
        return _numbers(values, types, earlier_type)
    if len(types) > 1:
        return None
    (kind,) = types
    if kind in SCALARS:
        return _plain(values, SCALARS[kind])
    if kind is list:
        return _lists(values, earlier_type)
    return _SPECIAL[kind](values) if kind in _SPECIAL else None


def _plain(values: Sequence[Any], kind: pa.DataType) -> pa.Array | None:
    try:
        return _build(values, kind)
    except (OverflowError, pa.ArrowInvalid):
        # such as a duration of more microseconds than fit in 64 bits
        return None


def _build(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind in FAST and len(values) >= FAST_ROWS:
        return pl.Series(values=values, dtype=FAST[kind]).to_arrow()
    return pa.array(values, type=kind)


def _numbers(
    values: Sequence[Any], types: set[type], earlier_type: pa.DataType | None
) -> pa.Array | None:
    integers = [v for v in values if type(v) is int] if int in types else []
    if types == {int} and earlier_type != NUMBER:
        if integers and not (
            min(integers) >= INT64_LEAST and max(integers) <= INT64_MOST
        ):
            return None
        return _build(values, INTEGER)
    if any(abs(v) > EXACT_IN_FLOAT for v in integers):
        return None
    return _build(values, NUMBER)


def _timestamps(values: Sequence[dt.datetime | None]) -> pa.Array | None:
    aware = {value.tzinfo is not None for value in values if value is not None}
    if len(aware) > 1:
        return None
    if aware != {True}:
        return pa.array(values, type=MOMENT)
    # a program that imports pandera itself sets PYARROW_IGNORE_TIMEZONE, which makes
    # pyarrow take the local time of any zone for UTC: only times in UTC survive that
    in_utc = [value and value.astimezone(dt.UTC) for value in values]
    return pa.array(in_utc, type=MOMENT_IN_UTC)


def _times(values: Sequence[dt.time | None]) -> pa.Array | None:
    # Arrow's times have no UTC offset: it would be dropped
    if any(value is not None and value.tzinfo is not None for value in values):
        return None
    return pa.array(values, type=TIME)


def _decimals(values: Sequence[Decimal | None]) -> pa.Array | None:
    try:
        array = pa.array(values)
    except (TypeError, pa.ArrowInvalid):
        # more digits than Arrow holds, or a value without digits, such as infinity
        return None
    if not pa.types.is_decimal128(array.type):
        return None
    return array.cast(pa.decimal128(DECIMAL_DIGITS, array.type.scale))


#: Functions for types of which Arrow does not hold all values.
_SPECIAL: Mapping[type, Callable[[Sequence[Any]], pa.Array | None]] = {
    dt.datetime: _timestamps,
    dt.time: _times,
    Decimal: _decimals,
}


def _lists(
    values: Sequence[list[Any] | None], earlier_type: pa.DataType | None
) -> pa.Array | None:
    """Return lists of elements of one type, or None for others, which become JSON."""
    types = set(map(type, chain.from_iterable(v for v in values if v)))
    if not types <= NATIVE_TYPES:
        values = [v and list(map(to_native, v)) for v in values]
        types = set(map(type, chain.from_iterable(v for v in values if v)))
    types.discard(type(None))
    if types & NESTED:
        return None
    element_type = _element_type(earlier_type)
    if not types:
        return pa.array(values, type=pa.large_list(element_type or TEXT))
    if (
        len(types) == 1
        and (kind := SCALARS.get(*types))
        and element_type in (None, kind)
    ):
        try:
            return pa.array(values, type=pa.large_list(kind))
        except (OverflowError, pa.ArrowInvalid):
            return None
    return _list_array(values, types, element_type)


def _element_type(earlier_type: pa.DataType | None) -> pa.DataType | None:
    if earlier_type is None or not pa.types.is_large_list(earlier_type):
        return None
    return earlier_type.value_type


def _list_array(
    values: Sequence[list[Any] | None],
    types: set[type],
    element_type: pa.DataType | None,
) -> pa.Array | None:
    """Return lists whose elements form one column, or None if they do not."""
    elements = _typed_array(
        list(chain.from_iterable(v or () for v in values)), types, element_type
    )
    if elements is None:
        return None
    ends = accumulate((len(v or ()) for v in values), initial=0)
    absent = pa.array([v is None for v in values])
    offsets = pa.array(list(ends), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, elements, mask=absent)
