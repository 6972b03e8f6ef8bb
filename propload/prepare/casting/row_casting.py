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
from propload.prepare.casting.length_limits import fitted, limit
from propload.prepare.casting.nested import convert_nested
from propload.prepare.casting.text_for_server import may_read_within, read_for_server
from propload.prepare.casting.text_in import read_guess, read_text
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
_OF_EMPTY_TEXT = (
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
        guessed: Whether the type was guessed from the values themselves.
        array: How an array's text is written.
        is_place: Whether it is one of PostGIS' types for places, not an array of them.
    """

    column: str
    dtype: pl.DataType
    pg_type: str
    guessed: bool = False
    array: ArrayForm = USUAL_ARRAY
    is_place: bool = False

    @classmethod
    def of(cls, step: ColumnPlan, /, *, guessed: bool = False) -> Self:
        """Return the type that the rows need for a column of the table."""
        told = (step.column, step.dtype, step.pg_type)
        is_place = step.of_postgis and not step.pg_type.endswith("[]")
        return cls(*told, guessed=guessed, array=step.array, is_place=is_place)


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
    work = [
        (wanted, step)
        for wanted in casts
        if (step := _conversion(schema[wanted.column], wanted)) is not None
    ]
    values = [step.value.alias(wanted.column) for wanted, step in work]
    if not work or frame.height == 0:
        return Sifted(frame.with_columns(values), no_reasons())
    doubts = _doubts(frame, work)
    made, refusals = [], []
    for (wanted, step), column in zip(work, frame.select(values), strict=True):
        given = frame.get_column(wanted.column)
        fit, mask = _examine(given, column, step, in_doubt=wanted.column in doubts)
        made.append(fit)
        if mask is not None:
            refusals.append((wanted, mask))
    return _sift(frame, frame.with_columns(made), refusals)


@lru_cache(maxsize=CONVERSIONS_KEPT)
def _conversion(source: pl.DataType, wanted: Cast) -> Conversion | None:
    """Return how a column gets a type, or None where it is as it is wanted.

    Raises:
        SchemaMismatchError: There is no way.
    """
    column, target = pl.col(wanted.column), wanted.dtype
    found: Conversion | None = None
    if isinstance(source, (pl.Categorical, pl.Enum)) and target != source:
        column, source = column.cast(pl.String), pl.String()
        found = Conversion(column)
    if source == target:
        if target == pl.String:
            found = _for_server(column, wanted) or found
        return _limited(found, column, wanted)
    if target == pl.String and source != pl.Null:
        found = _as_text(column, source, wanted)
    elif source == pl.String:
        found = _read(column, wanted)
    else:
        found = convert_nested(column, source, target)
    if found is None:
        msg = (
            f"column {wanted.column} is {type_name(source)}, which cannot be exactly "
            f"converted to {wanted.pg_type}: use a mapping for the column, or change "
            "its type in the table"
        )
        raise SchemaMismatchError(msg)
    return _limited(found, column, wanted)


def _read(column: pl.Expr, wanted: Cast) -> Conversion | None:
    if wanted.guessed:
        return read_guess(column, wanted.dtype)
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


def _limited(
    found: Conversion | None, column: pl.Expr, wanted: Cast
) -> Conversion | None:
    """Add the refusal of values that the length in `pg_type` would cut."""
    value = column if found is None else found.value
    beyond = limit(value, wanted.dtype, wanted.pg_type)
    if beyond is None:
        return found
    fit = fitted(value, wanted.dtype, wanted.pg_type)
    doubt = beyond.any() if fit is None else (fit != value).any()
    found = found or Conversion(value)
    if (before := found.doubt) is not None:
        doubt |= before
    refused = beyond if found.refused is None else beyond | found.refused
    return replace(found, refused=refused, cheap_doubt=doubt, fitted=fit)


def _doubts(
    frame: pl.DataFrame, work: Iterable[tuple[Cast, Conversion]]
) -> Collection[str]:
    asked = [
        doubt.fill_null(value=False).alias(wanted.column)
        for wanted, step in work
        if (doubt := step.doubt) is not None
    ]
    if not asked:
        return ()
    return [
        name
        for name, doubted in frame.select(asked).row(0, named=True).items()
        if doubted
    ]


def _examine(
    given: pl.Series, made: pl.Series, step: Conversion, *, in_doubt: bool
) -> tuple[pl.Series, pl.Series | None]:
    """Return the values after a retry, and which of them are refused, if any."""
    lost = _lost(given, made)
    if lost is not None and step.retry is not None:
        places = lost.arg_true()
        again = given.gather(places).to_frame().select(step.retry).to_series()
        made = made.scatter(places, again)
        lost = _lost(given, made)
    if in_doubt and step.fitted is not None:
        made = given.to_frame().select(step.fitted.alias(given.name)).to_series()
    if in_doubt and step.refused is not None:
        mask = step.refused.fill_null(value=False)
        refused = given.to_frame().select(mask).to_series()
        lost = refused if lost is None else lost | refused
    return made, lost


def _lost(given: pl.Series, made: pl.Series) -> pl.Series | None:
    """Return which values became null, or None where none did."""
    if made.null_count() <= given.null_count():
        return None
    return made.is_null() & given.is_not_null()


def _sift(
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
            problem=f"cannot be stored exactly as {_told(wanted, frame.schema)}",
        )
        for wanted, mask in refusals
        if mask.any()
    ]
    bad = pl.any_horizontal([pl.lit(mask) for _, mask in refusals])
    good = whole.filter(~bad.fill_null(value=False))
    return Sifted(good, join_reasons(reasons))


def _told(wanted: Cast, schema: pl.Schema) -> str:
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
    more = pl.when(shown == "").then(pl.lit(_OF_EMPTY_TEXT)).otherwise(pl.lit(""))
    said = pl.format(
        "column {}: '{}' {}{}",
        pl.lit(column),
        shown.fill_null("null"),
        pl.lit(problem),
        more,
    )
    return reason_lines(
        rows, stage=stage, column=column, check=check, value=shown, message=said
    )
