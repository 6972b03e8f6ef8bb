"""JSON text as the lists and structs that a schema wants.

Objects and mixed lists travel as JSON text, and a CSV has nothing else. Each text is
read by itself: one that is no such value costs only its row.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from propload.names.type_names import field_types, inner_type, leaf_types, type_name
from propload.prepare.casting.conversions import Conversion
from propload.prepare.casting.text_in import read_text
from propload.values.python_text import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_json(column: pl.Expr, target: pl.DataType) -> Conversion | None:
    """Return how JSON text becomes lists or structs; None where some type has no text.

    What is in them is read like a column of its type. A name that is missing from an
    object is null; a name that the struct does not have would be lost, so its text
    becomes null.

    Args:
        column: A text column.
        target: The type wanted, a list, an array or a struct.
    """
    for kind in leaf_types(target):
        if kind != pl.String and read_text(pl.col(""), kind) is None:
            return None
    read = partial(_read_texts, target=target)
    return Conversion(column.map_batches(read, return_dtype=target))


def json_shape(target: pl.DataType) -> str:
    """Return what messages call the JSON that is read as a type."""
    if isinstance(target, (pl.List, pl.Array)):
        size = f" of length {target.size}" if isinstance(target, pl.Array) else ""
        return f"a JSON list{size} of {_shape_within(inner_type(target))}"
    if isinstance(target, pl.Struct):
        fields = (f"{name} {_shape_within(kind)}" for name, kind in field_types(target))
        return f"a JSON object of {', '.join(fields)}"
    return type_name(target)


def _shape_within(dtype: pl.DataType) -> str:
    return f"({json_shape(dtype)})" if dtype.is_nested() else json_shape(dtype)


#: Stands for a text that is no value.
_INVALID = object()


def _read_texts(texts: pl.Series, *, target: pl.DataType) -> pl.Series:
    decoded = {text: _decoded(text) for text in texts.unique().drop_nulls()}
    values = [None if text is None else decoded[text] for text in texts]
    return _build(values, target)[0].alias(texts.name)


def _decoded(text: str) -> Any:
    """Return the value of a text; numbers stay text, so that no digit is lost."""
    try:
        value = json.loads(
            text,
            parse_float=str,
            parse_int=str,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_object,
        )
        if "\\u" in text:
            # half of a surrogate pair is no text
            as_text(value).encode()
    except (ValueError, RecursionError):
        return _INVALID
    return value


def _refuse_constant(word: str) -> None:
    raise ValueError(word)


def _unique_object(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    fields_by_name = dict(fields)
    if len(fields_by_name) < len(fields):
        # a name that occurs twice loses a value
        raise ValueError
    return fields_by_name


def _build(values: Sequence[Any], target: pl.DataType) -> tuple[pl.Series, pl.Series]:
    """Return values as a type, null where something is lost, and where that is."""
    if isinstance(target, pl.Struct):
        return _structs(values, target)
    if isinstance(target, (pl.List, pl.Array)):
        return _lists(values, target)
    return _scalars(values, target)


def _structs(values: Sequence[Any], target: pl.Struct) -> tuple[pl.Series, pl.Series]:
    types = field_types(target)
    names = [name for name, _ in types]
    known_names = set(names)
    is_fit = [
        isinstance(value, dict) and value.keys() <= known_names for value in values
    ]
    fields, invalid = [], _unfit(values, is_fit)
    for place, (name, kind) in enumerate(types):
        field_values = [
            value.get(name) if fit else None
            for value, fit in zip(values, is_fit, strict=True)
        ]
        field, invalid_within = _build(field_values, kind)
        # by its place: a frame would name a column that has no name
        fields.append(field.alias(str(place)))
        invalid |= invalid_within
    whole = pl.DataFrame(fields).to_struct().struct.rename_fields(names)
    return _keep_where(pl.Series(is_fit, dtype=pl.Boolean) & ~invalid, whole), invalid


def _lists(
    values: Sequence[Any], target: pl.List | pl.Array
) -> tuple[pl.Series, pl.Series]:
    size = target.size if isinstance(target, pl.Array) else None
    is_fit = [isinstance(v, list) and size in (None, len(v)) for v in values]
    lists = [v if fit else [] for v, fit in zip(values, is_fit, strict=True)]
    inner = inner_type(target)
    elements, invalid_within = _build(list(chain.from_iterable(lists)), inner)
    ends = pairwise(accumulate(map(len, lists), initial=0))
    invalid = _unfit(values, is_fit)
    lists_or_nulls: list[pl.Series | None] = []
    for place, (start, end) in enumerate(ends):
        if invalid_within[start:end].any():
            invalid[place] = True
        is_there = is_fit[place] and not invalid[place]
        lists_or_nulls.append(elements[start:end] if is_there else None)
    array = pl.Series(lists_or_nulls, dtype=pl.List(inner))
    return (array if size is None else array.list.to_array(size)), invalid


def _scalars(values: Sequence[Any], target: pl.DataType) -> tuple[pl.Series, pl.Series]:
    is_fit = [isinstance(one, (str, bool)) for one in values]
    texts = pl.Series(
        [as_text(v) if fit else None for v, fit in zip(values, is_fit, strict=True)],
        dtype=pl.String,
    )
    invalid = _unfit(values, is_fit)
    if target == pl.String:
        return texts, invalid
    reading = read_text(pl.col("text"), target)
    assert reading is not None  # noqa: S101 - `read_json` has asked
    array = texts.to_frame("text").select(reading.exact).to_series()
    return array, invalid | (array.is_null() & texts.is_not_null())


def _unfit(values: Sequence[Any], is_fit: Sequence[bool]) -> pl.Series:
    """Return which values are there but of another kind."""
    pairs = zip(values, is_fit, strict=True)
    return pl.Series([v is not None and not fit for v, fit in pairs], dtype=pl.Boolean)


def _keep_where(mask: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(mask).then(values)).to_series()
