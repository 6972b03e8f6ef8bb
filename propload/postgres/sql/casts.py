"""The types of staged values, and how each becomes what the table stores."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from propload.names.type_names import create_type

if TYPE_CHECKING:
    from propload.target import ColumnPlan

_LENGTH = re.compile(r"\([^)]*\)")
#: Elements of these lose blanks at their end; of a text it is known before it is sent.
_BLANKS_CUT = re.compile(r"character varying\(\d+\)\[\]")
_INTERVAL_FIELDS = re.compile(r"interval [a-z ]+", re.ASCII)
#: What money holds where its unit has a hundred parts.
_MONEY = ("-92233720368547758.08", "92233720368547758.07")
#: Types whose cast with a length rounds or cuts without an error.
_ROUNDING = re.compile(r"(?:numeric|timestamp|time|interval)\b")
_ON_EARTH = re.compile(r"(.*\.)?geography(?:\(.*\))?", re.DOTALL)


def stage_type(plan: ColumnPlan, /) -> str:
    """Return the type of the column in a stage: no length, nothing it refuses."""
    return _without_length(create_type(plan.dtype))


def cast_type(plan: ColumnPlan, /) -> str | None:
    """Return the type to cast a staged value to, or None where none is needed.

    It bears no length: an explicit cast to varchar(3) cuts without a word, while
    the assignment that follows refuses what is too long. What PostGIS has in place of
    a length refuses values and cuts none.
    """
    if plan.of_postgis:
        # one without a reference system gets the column's, and only so equals it
        return plan.pg_type
    wanted = _without_length(plan.pg_type)
    if stage_type(plan) == wanted or wanted in ("character varying", "bpchar"):
        return None
    return wanted


def length_type(plan: ColumnPlan, /) -> str | None:
    """Return the table's type where it bears a length or precision, else None."""
    return None if _without_length(plan.pg_type) == plan.pg_type else plan.pg_type


def cast_sql(plan: ColumnPlan, value: str, /) -> str:
    """Return the expression of a staged value as the table's type, exactly.

    Where the type would round or cut the value, the expression raises 22P02
    instead, and the message holds the value.

    Args:
        plan: The column.
        value: The SQL of the staged value.
    """
    wanted = cast_type(plan)
    if _BLANKS_CUT.fullmatch(plan.pg_type):
        return _cut_blanks(plan, f"{value}::{wanted}" if wanted else value)
    if wanted is None:
        return value
    cast = _cast(value, wanted)
    kept = kept_exactly(plan, value)
    if kept is None:
        return cast
    name = plan.pg_type.replace("'", "''")
    refusal = f"({value} || ' is not exact as {name}')::numeric::text::{wanted}"
    return f"CASE WHEN {kept} THEN {cast} WHEN {value} IS NOT NULL THEN {refusal} END"


def input_type(pg_type: str, /) -> str:
    """Return the type as which the text of a staged value is read.

    The text of money is read as the server's locale says: a German one takes the point
    of 12.50 for that between thousands.
    """
    return "numeric" if pg_type == "money" else pg_type


def _cast(value: str, pg_type: str) -> str:
    """Return the cast of a staged value by way of the type as which it is read."""
    steps = dict.fromkeys([input_type(pg_type), pg_type])
    return "::".join([value, *steps])


def _cut_blanks(plan: ColumnPlan, value: str) -> str:
    """Return an array as its column stores it: blanks beyond the length are cut.

    Where more would be cut it stays as it is, for the assignment to refuse it.
    """
    cut = f"{value}::{plan.pg_type}"
    # as bpchar, texts that differ by blanks at the end alone are equal
    alike = f'({value})::bpchar[] COLLATE "C" = ({cut})::bpchar[] COLLATE "C"'
    return f"CASE WHEN {alike} THEN {cut} ELSE {value} END"


def kept_exactly(plan: ColumnPlan, value: str, /) -> str | None:
    """Return the condition under which a cast keeps a staged value as it is.

    Args:
        plan: The column.
        value: The SQL of the staged value, which the column's type takes.

    Returns:
        None where a cast that succeeds changes nothing.
    """
    if plan.held_as:
        # what a domain rounds or cuts, it does as the type below it
        return kept_exactly(replace(plan, pg_type=plan.held_as, held_as=None), value)
    wanted = cast_type(plan)
    if plan.dtype != pl.String or wanted is None:
        return None
    if plan.of_postgis:
        return _within_degrees(value, wanted)
    return _kept(plan.pg_type, wanted, value)


def _kept(pg_type: str, wanted: str, value: str) -> str | None:
    if wanted.removesuffix("[]") in ("name", '"char"'):
        text = "text[]" if wanted.endswith("[]") else "text"
        return f"{value}::{wanted}::{text} = {value}::{text}"
    if wanted == "money":
        least, most = _MONEY
        return (
            f"CASE WHEN {value}::numeric BETWEEN {least} AND {most} "
            f"THEN {_cast(value, wanted)}::numeric = {value}::numeric "
            f"WHEN {value} IS NOT NULL THEN false END"
        )
    if pg_type != wanted and _ROUNDING.match(pg_type):
        return f"{value}::{pg_type} = {value}::{wanted}"
    return None


def _within_degrees(value: str, pg_type: str) -> str | None:
    """Return the condition that a place on earth stays where it is, None of others.

    PostGIS makes other degrees of those beyond 180 and 90, with a mere notice. Boxes
    have no reference system, and an empty place has none.
    """
    found = _ON_EARTH.fullmatch(pg_type)
    if found is None:
        return None
    namespace = found[1] or ""
    plane, box = f"{namespace}geometry", f"{namespace}box2d"
    stored = f"{value}::{pg_type}::{plane}::{box}::text"
    return f"{stored} IS NOT DISTINCT FROM {value}::{plane}::{box}::text"


def _without_length(pg_type: str) -> str:
    # a quoted name may hold parentheses of its own
    parts = re.split(r'("(?:[^"]|"")*")', pg_type)
    bare = "".join(
        part if part.startswith('"') else _LENGTH.sub("", part) for part in parts
    )
    bare = _INTERVAL_FIELDS.sub("interval", bare)
    # without a length these two mean a length of one; in quotes bit has any length
    bare = re.sub(r"^bit\[\]$", '"bit"[]', bare)
    bare = re.sub(r"^bit(?! varying)\b", "bit varying", bare)
    return re.sub(r"^character(?! varying)\b", "bpchar", bare)
