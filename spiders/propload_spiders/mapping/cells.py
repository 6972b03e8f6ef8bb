"""Turn the cells of any file into clean texts: those of fields, and the others."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from propload.batch import ROW
from propload.prepare.casting.text_out import write_text
from propload_spiders.mapping import words
from propload_spiders.mapping.names import GENERAL, SYNONYMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Name = TypeVar("Name")

#: Cells in long form: one line for each row and column.
CELLS = pl.Schema({ROW: pl.UInt32, "column": pl.String, "value": pl.String})

_COLUMN, _VALUE = f"{ROW}_column", f"{ROW}_value"
#: Columns unpivoted at a time, so that the empty cells of a wide file cost little.
_COLUMNS_AT_ONCE = 64

#: Expressions cached, one per column: enough for a few wide files.
EXPRESSIONS_KEPT = 1_000

#: Fields with texts of several lines, whose line breaks are kept.
_LONG = frozenset({"description", "features"})


def as_text(column: str, dtype: pl.DataType, /) -> pl.Expr:
    """Return a column of any type as the text that a CSV file would contain."""
    value = pl.col(column)
    if isinstance(dtype, pl.Datetime):
        moment = value.dt.convert_time_zone("UTC") if dtype.time_zone else value
        return moment.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f") + (
            "+00:00" if dtype.time_zone else ""
        )
    if isinstance(dtype, pl.List | pl.Array | pl.Struct):
        return _json(value, dtype)
    if isinstance(dtype, pl.Binary | pl.Duration | pl.Object):
        # Polars cannot cast these to text; `write_text` returns None for an object
        written = write_text(value, dtype, pg_type="bytea")
        return pl.lit(None, pl.String) if written is None else written
    text = value.cast(pl.String, strict=False)
    if dtype.is_float() or dtype.is_decimal():
        # the text 1.234 would be parsed as thousands
        return text.str.replace(r"^(-?\d{1,3}\.\d{3})$", "${1}0")
    return text


def _json(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    # cut off the struct around the value, which leaves the value's own JSON
    packed = pl.struct(value.alias("v")).struct.json_encode()
    text = packed.str.slice(len('{"v":')).str.head(-1)
    if isinstance(dtype, pl.Struct):
        return pl.when(value.is_not_null()).then(text)
    # a list with one element counts as that element
    is_single = (
        value.list.len() == 1 if isinstance(dtype, pl.List) else pl.lit(value=False)
    )
    inner = text.str.slice(1).str.head(-1).str.strip_chars('"')
    empty = text.is_in(["[]", "null"])
    return pl.when(is_single).then(inner).when(~empty).then(text)


def cleaned(text: pl.Expr, field: str, /) -> pl.Expr:
    """Return texts with whitespace collapsed; null for words that mean no value."""
    if field in _LONG:
        tidy = text.str.strip_chars()
    else:
        # \s includes the non-breaking space, which pages write after €
        tidy = text.str.replace_all(r"[\s\u{200b}\u{feff}]+", " ").str.strip_chars()
    nothing = words.NULL_STATUS_WORDS if field == "status_text" else words.NULL_WORDS
    return pl.when(~tidy.str.to_lowercase().is_in(nothing)).then(tidy)


@lru_cache(EXPRESSIONS_KEPT)
def clean_text(column: str, dtype: pl.DataType, field: str, /) -> pl.Expr:
    """Return a column of any type as clean text.

    It is cached, because building the expression takes longer than running it on a few
    rows.
    """
    return cleaned(as_text(column, dtype), field)


def read_fields(
    frame: pl.DataFrame, fields: Mapping[str, tuple[str, ...]], /
) -> pl.DataFrame:
    """Return `ROW` and the text of every field; null if the file has no value.

    Args:
        frame: The rows as read, with `ROW`.
        fields: The columns of each field, in order of preference.
    """
    names, schema = [*SYNONYMS, *GENERAL], frame.schema
    texts = [
        pl.coalesce(clean_text(name, schema[name], field) for name in fields[field])
        if field in fields
        else pl.lit(None, dtype=pl.String)
        for field in names
    ]
    return frame.select(
        pl.col(ROW), *(text.alias(f) for f, text in zip(names, texts, strict=True))
    )


def names_of_met_conditions(
    frame: pl.DataFrame, conditions: Mapping[Name, pl.Expr], /
) -> list[Name]:
    """Return the names of the conditions that at least one row meets.

    No row meets most of them, so all are tested in one query first.
    """
    flags = frame.select(
        condition.any().alias(str(place))
        for place, condition in enumerate(conditions.values())
    )
    return [
        name for name, is_met in zip(conditions, flags.row(0), strict=True) if is_met
    ]


def unpivot_cells(frame: pl.DataFrame, columns: Iterable[str], /) -> pl.DataFrame:
    """Return the cells of the given columns that are not empty, one per line."""
    # most columns of a wide file are empty in most batches
    full = [name for name in columns if frame[name].null_count() < frame.height]
    schema = frame.schema
    texts = {name: clean_text(name, schema[name], "") for name in full}
    parts = [
        _unpivot_columns(frame, texts, full[start : start + _COLUMNS_AT_ONCE])
        for start in range(0, len(full), _COLUMNS_AT_ONCE)
    ]
    return pl.concat(parts) if parts else CELLS.to_frame()


def _unpivot_columns(
    frame: pl.DataFrame, texts: Mapping[str, pl.Expr], columns: list[str]
) -> pl.DataFrame:
    wide = frame.select(ROW, *(texts[name].alias(name) for name in columns))
    # other names, as the file itself may have a column `column` or `value`
    cells = wide.unpivot(columns, index=ROW, variable_name=_COLUMN, value_name=_VALUE)
    return cells.rename({_COLUMN: "column", _VALUE: "value"}).drop_nulls("value")


def as_object(cells: pl.DataFrame, /) -> pl.DataFrame:
    """Return cells in long form as one JSON object per row (`ROW`, `attributes`)."""
    names = {
        name: json.dumps(name, ensure_ascii=False) for name in cells["column"].unique()
    }
    value = pl.struct(pl.col("value").alias("v")).struct.json_encode()
    member = pl.concat_str(
        pl.col("column").replace_strict(names, return_dtype=pl.String),
        value.str.slice(len('{"v')).str.head(-1).str.strip_prefix('"'),
    )
    return cells.group_by(ROW, maintain_order=True).agg(
        pl.concat_str(pl.lit("{"), member.str.join(","), pl.lit("}")).alias(
            "attributes"
        )
    )
