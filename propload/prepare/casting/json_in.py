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
_LOST = object()


def _read_texts(texts: pl.Series, *, target: pl.DataType) -> pl.Series:
    found = {text: _decoded(text) for text in texts.unique().drop_nulls()}
    values = [None if text is None else found[text] for text in texts]
    return _build(values, target)[0].alias(texts.name)


def _decoded(text: str) -> Any:
    """Return the value of a text; numbers stay text, so that no digit is lost."""
    try:
        found = json.loads(
            text,
            parse_float=str,
            parse_int=str,
            parse_constant=_refuse,
            object_pairs_hook=_object,
        )
        if "\\u" in text:
            # half of a surrogate pair is no text
            as_text(found).encode()
    except (ValueError, RecursionError):
        return _LOST
    return found


def _refuse(word: str) -> None:
    raise ValueError(word)


def _object(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(fields)
    if len(found) < len(fields):
        # a name that occurs twice loses a value
        raise ValueError
    return found


def _build(values: Sequence[Any], target: pl.DataType) -> tuple[pl.Series, pl.Series]:
    """Return values as a type, null where something is lost, and where that is."""
    if isinstance(target, pl.Struct):
        return _structs(values, target)
    if isinstance(target, (pl.List, pl.Array)):
        return _lists(values, target)
    return _scalars(values, target)


def _structs(values: Sequence[Any], target: pl.Struct) -> tuple[pl.Series, pl.Series]:
    wanted = field_types(target)
    names = [name for name, _ in wanted]
    known = set(names)
    is_fit = [isinstance(one, dict) and one.keys() <= known for one in values]
    fields, lost = [], _unfit(values, is_fit)
    for place, (name, kind) in enumerate(wanted):
        inside = [
            one.get(name) if fit else None
            for one, fit in zip(values, is_fit, strict=True)
        ]
        part, lost_within = _build(inside, kind)
        # by its place: a frame would name a column that has no name
        fields.append(part.alias(str(place)))
        lost |= lost_within
    whole = pl.DataFrame(fields).to_struct().struct.rename_fields(names)
    return _where(pl.Series(is_fit, dtype=pl.Boolean) & ~lost, whole), lost


def _lists(
    values: Sequence[Any], target: pl.List | pl.Array
) -> tuple[pl.Series, pl.Series]:
    size = target.size if isinstance(target, pl.Array) else None
    is_fit = [isinstance(v, list) and size in (None, len(v)) for v in values]
    lists = [v if fit else [] for v, fit in zip(values, is_fit, strict=True)]
    inner = inner_type(target)
    elements, lost_within = _build(list(chain.from_iterable(lists)), inner)
    ends = pairwise(accumulate(map(len, lists), initial=0))
    lost = _unfit(values, is_fit)
    made: list[pl.Series | None] = []
    for place, (start, end) in enumerate(ends):
        if lost_within[start:end].any():
            lost[place] = True
        is_there = is_fit[place] and not lost[place]
        made.append(elements[start:end] if is_there else None)
    found = pl.Series(made, dtype=pl.List(inner))
    return (found if size is None else found.list.to_array(size)), lost


def _scalars(values: Sequence[Any], target: pl.DataType) -> tuple[pl.Series, pl.Series]:
    is_fit = [isinstance(one, (str, bool)) for one in values]
    texts = pl.Series(
        [as_text(v) if fit else None for v, fit in zip(values, is_fit, strict=True)],
        dtype=pl.String,
    )
    lost = _unfit(values, is_fit)
    if target == pl.String:
        return texts, lost
    reading = read_text(pl.col("text"), target)
    assert reading is not None  # noqa: S101 - `read_json` has asked
    found = texts.to_frame("text").select(reading.exact).to_series()
    return found, lost | (found.is_null() & texts.is_not_null())


def _unfit(values: Sequence[Any], is_fit: Sequence[bool]) -> pl.Series:
    """Return which values are there but of another kind."""
    pairs = zip(values, is_fit, strict=True)
    return pl.Series([v is not None and not fit for v, fit in pairs], dtype=pl.Boolean)


def _where(mask: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(mask).then(values)).to_series()
