"""Parses objects of JSON straight into columns whose types earlier ones have settled.

Arrow's parser makes no Python values and takes a quarter of the time of decoding rows.
It is used only for objects of which it makes exactly what decoding would. Most others
it refuses itself: names that are new or occur twice in an object, values of another
type, objects in them, and what is no JSON. What it would change is looked for here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from propload.values.arrow_fields import make_field
from propload.values.plain_columns import INTEGER, NULL, NUMBER, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Types of columns that Arrow's parser makes of the same values as decoding does, and
#: what it is asked for: it makes no large lists. What of a number is changed or no JSON
#: is not looked for in lists, so those of fractions are decoded.
_PARSED_TYPES = {kind: kind for kind in (TEXT, INTEGER, NUMBER, pa.bool_())} | {
    pa.large_list(kind): pa.list_(kind) for kind in (TEXT, INTEGER, pa.bool_())
}
#: Shorter texts are decoded as fast: a call of the parser takes 0.1 ms.
_MIN_BYTES = 64 << 10
#: After so many texts in a row that had to be decoded, all are: they hold objects, or
#: numbers in a column of texts, which may be seen only at a text's end.
_MOST_REFUSED = 4
#: A number that a float may not hold exactly (see `json_text.LONG_NUMBER`), or a zero
#: with a sign, which is the whole number 0 unless it has decimals.
_INEXACT = r":\s*(?:-?\d[\d.]{15}|-?[\d.]+[eE][-+]?\d{3}|-0[\s,}])"


class ColumnParser:
    """Parses texts as columns as long as their rows have those of earlier rows.

    Args:
        known_types: Returns the type of each column so far, for `parse_columns`.
    """

    def __init__(
        self, known_types: Callable[[], Mapping[str, pa.DataType | None]]
    ) -> None:
        self._known_types = known_types
        self._refused = 0

    @property
    def has_given_up(self) -> bool:
        """Whether all further texts have to be decoded."""
        return self._refused >= _MOST_REFUSED

    def parse(self, text: bytes, objects: int | None = None) -> pa.RecordBatch | None:
        """Return the rows of a text, or None if they have to be decoded one by one.

        The arguments are those of `parse_columns`.
        """
        if self.has_given_up or len(text) < _MIN_BYTES:
            return None
        types = self._known_types()
        columns = parse_columns(text, types, objects)
        if types:
            self._refused = self._refused + 1 if columns is None else 0
        return columns


def parse_columns(
    text: bytes, types: Mapping[str, pa.DataType | None], objects: int | None = None
) -> pa.RecordBatch | None:
    """Return the rows of a text, or None if they have to be decoded one by one.

    Args:
        text: Whole objects with only white space between them, in UTF-8.
        types: The type of each column so far, in order; None if it held only nulls.
        objects: How many objects they are, or None if each is to be one line.
    """
    kinds = {kind for kind in types.values() if kind is not None}
    if not types or "" in types or not kinds <= _PARSED_TYPES.keys():
        return None
    count = _count_lines(text) if objects is None else objects
    if not count or not _is_utf8(text):
        return None
    if NUMBER in kinds and _has_inexact_numbers(text):
        return None
    parsed = {n: _PARSED_TYPES[kind] if kind else NULL for n, kind in types.items()}
    try:
        table = arrow_json.read_json(
            pa.BufferReader(text),
            read_options=arrow_json.ReadOptions(
                use_threads=False, block_size=len(text) + 1
            ),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=pa.schema(parsed), unexpected_field_behavior="error"
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != count or not _all_finite(table) or _has_empty_row(table):
        return None
    fields = [make_field(name, kind or TEXT) for name, kind in types.items()]
    (batch,) = table.cast(pa.schema(fields)).combine_chunks().to_batches()
    return batch


def _count_lines(text: bytes) -> int:
    """Return how many lines a text has if each can only be one object, else 0.

    A string holds no line ends, and between two objects within a list there is a comma.
    """
    end = b"\r\n" if b"\r\n" in text else b"\n"
    body = text.removesuffix(end)
    breaks = body.count(b"\n")
    are_objects = body.startswith(b"{") and body.endswith(b"}")
    are_alone = body.count(b"}" + end + b"{") == breaks
    return breaks + 1 if are_objects and are_alone else 0


def _is_utf8(text: bytes) -> bool:
    """Return whether a text is valid, which the parser takes for granted."""
    try:
        _as_array(text).cast(TEXT)
    except pa.ArrowInvalid:
        return False
    return True


def _has_inexact_numbers(text: bytes) -> bool:
    return bool(pc.match_substring_regex(_as_array(text), _INEXACT)[0].as_py())


def _as_array(text: bytes) -> pa.Array:
    """Return a text as an array of one value, without copying it."""
    offsets = pa.array([0, len(text)], pa.int64()).buffers()[1]
    buffers = [None, offsets, pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.large_binary(), 1, buffers)


def _all_finite(table: pa.Table) -> bool:
    """Return whether a table has neither NaN nor an infinity, which are not JSON."""
    numbers = (column for column in table.columns if column.type == NUMBER)
    return all(pc.all(pc.is_finite(column)).as_py() is not False for column in numbers)


def _has_empty_row(table: pa.Table) -> bool:
    """Return whether a row has no value: it may be an object without fields."""
    if any(column.null_count == 0 for column in table.columns):
        return False
    empty = pc.is_null(table.column(0))
    for column in table.columns[1:]:
        empty = pc.and_(empty, pc.is_null(column))
    return bool(pc.any(empty).as_py())
