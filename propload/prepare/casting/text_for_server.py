"""Text as the server casts it: JSON lists as arrays, booleans as numbers.

Values that no single type of Arrow holds travel as text, and with them all others of
their column. Each is read by itself, so that a bad one costs no other row.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from propload.names.type_names import inner_type
from propload.prepare.casting.conversions import Conversion
from propload.prepare.casting.length_limits import PLAIN_AMOUNT
from propload.prepare.casting.text_in import read_text
from propload.prepare.casting.text_out import write_text
from propload.target import USUAL_ARRAY, ArrayForm
from propload.values.python_text import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Elements that are read here, like a column of their type, and not by the server: that
#: takes neither 1.0 nor true for a whole number, and silently drops a moment's offset.
_PARSED_TYPES: Mapping[str, pl.DataType] = {
    "smallint": pl.Int16(),
    "integer": pl.Int32(),
    "bigint": pl.Int64(),
    "real": pl.Float32(),
    "double precision": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "time without time zone": pl.Time(),
    "timestamp without time zone": pl.Datetime("us"),
    "timestamp with time zone": pl.Datetime("us", "UTC"),
}
_LENGTH = re.compile(r"\([^)]*\)")
_ESCAPED = re.compile(r'([\\"])')
_WITH_BACKSLASH = r"\\\1"
#: PostgreSQL's own text of an array may begin like this too: `[0:1]={1,2}`, no JSON.
_LIST = r"^\s*\["


def may_read_within(
    source: pl.DataType, pg_type: str, array: ArrayForm = USUAL_ARRAY
) -> bool:
    """Return whether lists travel as JSON, as lists of several types do.

    So do lists of texts that the server reads otherwise, and of what is written
    otherwise in an array than in JSON.

    Args:
        source: The type of the values.
        pg_type: What they are for.
        array: How that is written.
    """
    if not isinstance(source, (pl.List, pl.Array)) or not pg_type.endswith("[]"):
        return False
    if array != USUAL_ARRAY:
        return True
    inner: pl.DataType = source
    while isinstance(inner, (pl.List, pl.Array)):
        inner = inner_type(inner)
    name = _LENGTH.sub("", pg_type.removesuffix("[]"))
    if name not in _PARSED_TYPES and name not in ("numeric", "money"):
        return isinstance(inner, pl.Datetime)
    is_truth = name == "boolean" and inner.is_decimal()
    return is_truth or inner in (pl.String, pl.Categorical, pl.Enum)


def read_for_server(
    column: pl.Expr, pg_type: str, array: ArrayForm = USUAL_ARRAY
) -> Conversion | None:
    """Return how texts become such that the server casts; None where they are already.

    A text that is no JSON list is left to the server; a list with an element that the
    array's type cannot hold exactly becomes null.

    Args:
        column: A text column.
        pg_type: What the server casts it to: `integer[]`.
        array: How that is written.
    """
    if pg_type.endswith("[]"):
        element = pg_type.removesuffix("[]")
        read = partial(_read_lists, element=element, form=array)
        return Conversion(column.map_batches(read, return_dtype=pl.String))
    return Conversion(_numeric_text(column)) if pg_type.startswith("numeric") else None


def _numeric_text(column: pl.Expr) -> pl.Expr:
    """Return texts for `numeric`, the only type of numbers that is sent as text."""
    truth = pl.when(column == "true").then(pl.lit("1"))
    return truth.when(column == "false").then(pl.lit("0")).otherwise(column)


def _read_lists(texts: pl.Series, *, element: str, form: ArrayForm) -> pl.Series:
    places = texts.str.contains(_LIST).fill_null(value=False).arg_true()
    if not len(places):
        return texts
    lists = {text: _decoded(text) for text in texts.gather(places)}
    leaves = {leaf for elements in lists.values() for leaf in _leaves(elements or [])}
    leaf_frame = pl.DataFrame({"leaf": list(leaves)}, schema={"leaf": pl.String})
    read = leaf_frame.select("leaf", _leaf_text(pl.col("leaf"), element).alias("read"))
    written = dict(read.iter_rows())
    arrays = [
        text
        if (elements := lists[text]) is None
        else _array_text(elements, written, form)
        for text in texts.gather(places)
    ]
    return texts.scatter(places, pl.Series(arrays, dtype=pl.String))


def _decoded(text: str) -> list[Any] | None:
    try:
        elements = json.loads(text, parse_float=Decimal, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return elements if isinstance(elements, list) else None


def _leaves(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, list):
            yield from _leaves(value)
        elif value is not None:
            yield as_text(value)


def _leaf_text(leaf: pl.Expr, element: str) -> pl.Expr:
    """Return texts as the type of an array's elements writes them, or as null."""
    name = _LENGTH.sub("", element)
    if name == "numeric":
        return _numeric_text(leaf)
    if name == "money":
        return pl.when(leaf.str.contains(PLAIN_AMOUNT)).then(leaf)
    dtype = _PARSED_TYPES.get(name)
    conversion = None if dtype is None else read_text(leaf, dtype)
    if dtype is None or conversion is None:
        return leaf
    text = write_text(conversion.exact, dtype)
    assert text is not None  # noqa: S101 - these types have texts
    return text


def _array_text(
    values: list[Any], written: Mapping[str, str | None], form: ArrayForm
) -> str | None:
    """Return a list as an array's text, or None where an element has none.

    Args:
        values: The list.
        written: What each element is written as, by its text.
        form: How the array is written.
    """
    parts = []
    for value in values:
        if value is None:
            parts.append("NULL")
            continue
        is_list = isinstance(value, list)
        if is_list:
            text = _array_text(value, written, replace(form, nested=False))
        else:
            text = written[as_text(value)]
        if text is None:
            return None
        # an array that counts as one element is one text
        parts.append(text if is_list and not form.nested else _quoted(text))
    return "{" + form.delimiter.join(parts) + "}"


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_WITH_BACKSLASH, text)}"'
