"""Casting to the types of a check or a table: exact, or a reason for the row.

Every column is examined before a row is dropped, so that a row with three bad
columns gets three reasons. Work is done only where a type differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import polars as pl

from propload.batch import ROW, Sifted, join_reasons, no_reasons, reason_lines
from propload.errors import SchemaMismatchError
from propload.names.type_names import type_name
from propload.prepare.casting.conversions import Conversion
from propload.prepare.casting.json_in import json_shape, read_json
from propload.prepare.casting.length_limits import as_stored, limit
from propload.prepare.casting.nested import convert_nested
from propload.prepare.casting.text_for_server import may_read_within, read_for_server
from propload.prepare.casting.text_in import read_inferred, read_text
from propload.prepare.casting.text_out import beyond_json, write_text
from propload.target import USUAL_ARRAY, ArrayForm

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from propload.batch import Stage
    from propload.target import ColumnPlan

#: Every batch has the same columns: how they are cast is worked out once. A table
#: has at most 1,600 columns.
CONVERSIONS_KEPT = 4096
#: Characters of a refused value that a reason shows.
VALUE_LENGTH = 200
#: What is added about an empty text, which looks like nothing at all.
_EMPTY_TEXT_ADVICE = (
    "; an empty text is not null: --null-words '' makes it null in a CSV, a mapping "
    "with a parser in any source"
)


@dataclass(frozen=True, slots=True)
class Cast:
    """A type that one column is to have.

    Attributes:
        column: The column's name.
        dtype: The type it is to have.
        pg_type: What messages call that type; PostgreSQL's name of it.
        inferred: Whether the type was inferred from the values themselves.
        array: How an array's text is written.
        is_place: Whether it is one of PostGIS' types for places, not an array of them.
    """

    column: str
    dtype: pl.DataType
    pg_type: str
    inferred: bool = False
    array: ArrayForm = USUAL_ARRAY
    is_place: bool = False

    @classmethod
    def of(cls, step: ColumnPlan, /, *, inferred: bool = False) -> Self:
        """Return the type that the rows need for a column of the table."""
        return cls(
            step.column,
            step.dtype,
            step.pg_type,
            inferred=inferred,
            array=step.array,
            is_place=step.of_postgis and not step.pg_type.endswith("[]"),
        )


def cast(frame: pl.DataFrame, plan: Sequence[ColumnPlan]) -> Sifted:
    """Return a frame as the plan wants it, and the rows that cannot be so.

    Args:
        frame: Rows with the column `ROW`; planned columns that it lacks become
            null, columns that are not planned are dropped.
        plan: The table's columns.

    Raises:
        SchemaMismatchError: A column's type has no way to the table's type.
    """
    # a frame makes this list anew each time it is asked
    known = set(frame.columns)
    present = [step for step in plan if step.column in known]
    absent = [
        pl.lit(None, step.dtype).alias(step.column)
        for step in plan
        if step.column not in known
    ]
    sifted = cast_types(frame, [Cast.of(step) for step in present])
    full = sifted.frame.with_columns(absent) if absent else sifted.frame
    names = [ROW, *(step.column for step in plan)]
    ordered = full if full.columns == names else full.select(names)
    return Sifted(ordered, sifted.reasons)


def cast_types(frame: pl.DataFrame, casts: Iterable[Cast]) -> Sifted:
    """Return a frame with some columns cast, and the rows where one cannot be.

    Args:
        frame: Rows with the column `ROW` and every column of the casts.
        casts: The types wanted; other columns stay as they are.

    Raises:
        SchemaMismatchError: A column's type has no way to the wanted type.
    """
    schema = frame.schema
    conversions = [
        (wanted, conversion)
        for wanted in casts
        if (conversion := _conversion(schema[wanted.column], wanted)) is not None
    ]
    values = [
        conversion.value.alias(wanted.column) for wanted, conversion in conversions
    ]
    if not conversions or frame.height == 0:
        return Sifted(frame.with_columns(values), no_reasons())
    doubts = _doubts(frame, conversions)
    made, refusals = [], []
    for (wanted, conversion), column in zip(
        conversions, frame.select(values), strict=True
    ):
        original = frame.get_column(wanted.column)
        fit, mask = _examine(
            original, column, conversion, in_doubt=wanted.column in doubts
        )
        made.append(fit)
        if mask is not None:
            refusals.append((wanted, mask))
    return _split_rows(frame, frame.with_columns(made), refusals)


@lru_cache(maxsize=CONVERSIONS_KEPT)
def _conversion(source: pl.DataType, wanted: Cast) -> Conversion | None:
    """Return how a column gets a type, or None where it is as it is wanted.

    Raises:
        SchemaMismatchError: There is no way.
    """
    column, target = pl.col(wanted.column), wanted.dtype
    conversion: Conversion | None = None
    if isinstance(source, (pl.Categorical, pl.Enum)) and target != source:
        column, source = column.cast(pl.String), pl.String()
        conversion = Conversion(column)
    if source == target:
        if target == pl.String:
            conversion = _for_server(column, wanted) or conversion
        return _with_limit(conversion, column, wanted)
    if target == pl.String and source != pl.Null:
        conversion = _as_text(column, source, wanted)
    elif source == pl.String:
        conversion = _read(column, wanted)
    else:
        conversion = convert_nested(column, source, target)
    if conversion is None:
        msg = (
            f"column {wanted.column} is {type_name(source)}, which cannot be exactly "
            f"converted to {wanted.pg_type}: use a mapping for the column, or change "
            "its type in the table"
        )
        raise SchemaMismatchError(msg)
    return _with_limit(conversion, column, wanted)


def _read(column: pl.Expr, wanted: Cast) -> Conversion | None:
    if wanted.inferred:
        return read_inferred(column, wanted.dtype)
    return (read_json if wanted.dtype.is_nested() else read_text)(column, wanted.dtype)


def _for_server(column: pl.Expr, wanted: Cast) -> Conversion | None:
    if wanted.is_place:
        # PostgreSQL writes bytes so, and rejected rows have them in that form as well
        return Conversion(column.str.strip_prefix("\\x"))
    return read_for_server(column, wanted.pg_type, wanted.array)


def _as_text(column: pl.Expr, source: pl.DataType, wanted: Cast) -> Conversion | None:
    pg_type = wanted.pg_type
    if wanted.is_place and source == pl.Binary:
        return Conversion(column.bin.encode("hex"))
    if may_read_within(source, pg_type, wanted.array):
        listed = write_text(column, source)
        return None if listed is None else _for_server(listed, wanted)
    text = write_text(column, source, pg_type=pg_type)
    if text is None:
        return None
    is_json = source.is_nested() and not pg_type.endswith("[]")
    beyond = beyond_json(column, source) if is_json or "json" in pg_type else None
    return Conversion(text, beyond)


def _with_limit(
    conversion: Conversion | None, column: pl.Expr, wanted: Cast
) -> Conversion | None:
    """Add the refusal of values that the length in `pg_type` would cut."""
    value = column if conversion is None else conversion.value
    beyond = limit(value, wanted.dtype, wanted.pg_type)
    if beyond is None:
        return conversion
    fit = as_stored(value, wanted.dtype, wanted.pg_type)
    doubt = beyond.any() if fit is None else (fit != value).any()
    conversion = conversion or Conversion(value)
    if (before := conversion.doubt) is not None:
        doubt |= before
    refused = beyond if conversion.refused is None else beyond | conversion.refused
    return replace(conversion, refused=refused, cheap_doubt=doubt, as_stored=fit)


def _doubts(
    frame: pl.DataFrame, conversions: Iterable[tuple[Cast, Conversion]]
) -> Collection[str]:
    asked = [
        doubt.fill_null(value=False).alias(wanted.column)
        for wanted, conversion in conversions
        if (doubt := conversion.doubt) is not None
    ]
    if not asked:
        return ()
    return [
        name
        for name, doubted in frame.select(asked).row(0, named=True).items()
        if doubted
    ]


def _examine(
    original: pl.Series, converted: pl.Series, conversion: Conversion, *, in_doubt: bool
) -> tuple[pl.Series, pl.Series | None]:
    """Return the values after a retry, and which of them are refused, if any."""
    failed = _became_null(original, converted)
    if failed is not None and conversion.retry is not None:
        places = failed.arg_true()
        retried = (
            original.gather(places).to_frame().select(conversion.retry).to_series()
        )
        converted = converted.scatter(places, retried)
        failed = _became_null(original, converted)
    if in_doubt and conversion.as_stored is not None:
        converted = (
            original.to_frame()
            .select(conversion.as_stored.alias(original.name))
            .to_series()
        )
    if in_doubt and conversion.refused is not None:
        mask = conversion.refused.fill_null(value=False)
        refused = original.to_frame().select(mask).to_series()
        failed = refused if failed is None else failed | refused
    return converted, failed


def _became_null(original: pl.Series, converted: pl.Series) -> pl.Series | None:
    """Return which values became null, or None where none did."""
    if converted.null_count() <= original.null_count():
        return None
    return converted.is_null() & original.is_not_null()


def _split_rows(
    frame: pl.DataFrame,
    whole: pl.DataFrame,
    refusals: Sequence[tuple[Cast, pl.Series]],
) -> Sifted:
    if not refusals:
        return Sifted(whole, no_reasons())
    reasons = [
        refuse(
            frame.filter(mask),
            wanted.column,
            stage="map",
            check="cast",
            problem=f"cannot be stored exactly as {_type_label(wanted, frame.schema)}",
        )
        for wanted, mask in refusals
        if mask.any()
    ]
    bad = pl.any_horizontal([pl.lit(mask) for _, mask in refusals])
    good = whole.filter(~bad.fill_null(value=False))
    return Sifted(good, join_reasons(reasons))


def _type_label(wanted: Cast, schema: pl.Schema) -> str:
    """Return what the reason of a row calls a type."""
    is_json = wanted.dtype.is_nested() and schema[wanted.column] == pl.String
    return json_shape(wanted.dtype) if is_json else wanted.pg_type


def refuse(
    rows: pl.DataFrame, column: str, *, stage: Stage, check: str, problem: str
) -> pl.DataFrame:
    """Return one reason for each row, columns `REASONS`.

    Args:
        rows: The rejected rows, with `ROW` and the column at fault.
        column: The column at fault.
        stage: The stage that refused them.
        check: The short name of what failed.
        problem: What is wrong with the value, as the end of a sentence.
    """
    text = write_text(pl.col(column), rows.schema[column], pg_type="bytea")
    value = pl.lit("(object)") if text is None else text
    shown = value.str.head(VALUE_LENGTH)
    more = pl.when(shown == "").then(pl.lit(_EMPTY_TEXT_ADVICE)).otherwise(pl.lit(""))
    message = pl.format(
        "column {}: '{}' {}{}",
        pl.lit(column),
        shown.fill_null("null"),
        pl.lit(problem),
        more,
    )
    return reason_lines(
        rows, stage=stage, column=column, check=check, value=shown, message=message
    )
