"""The types of staged values, and the SQL that casts them to the table's types."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from propload.names.type_names import create_type

if TYPE_CHECKING:
    from propload.target import ColumnPlan

_LENGTH = re.compile(r"\([^)]*\)")
#: Arrays whose elements lose trailing blanks beyond the length when they are stored; of
#: a single text those are cut before it is sent.
_VARCHAR_ARRAY = re.compile(r"character varying\(\d+\)\[\]")
_INTERVAL_FIELDS = re.compile(r"interval [a-z ]+", re.ASCII)
#: The least and the greatest value of money, in a currency with two decimals.
_MONEY = ("-92233720368547758.08", "92233720368547758.07")
#: Types that round or truncate without an error when cast to a length or precision.
_ROUNDING = re.compile(r"(?:numeric|timestamp|time|interval)\b")
_GEOGRAPHY = re.compile(r"(.*\.)?geography(?:\(.*\))?", re.DOTALL)


def stage_type(plan: ColumnPlan, /) -> str:
    """Return the type of the column in a stage; it has no length to refuse a value."""
    return _without_length(create_type(plan.dtype))


def cast_type(plan: ColumnPlan, /) -> str | None:
    """Return the type to cast a staged value to, or None if no cast is needed.

    It has no length: an explicit cast to varchar(3) truncates without an error, whereas
    the assignment that follows refuses a value that is too long. The types of PostGIS
    keep their modifier, which refuses values and changes none.
    """
    if plan.of_postgis:
        # gives a value without an SRID the column's, so that it can equal stored ones
        return plan.pg_type
    target_type = _without_length(plan.pg_type)
    if stage_type(plan) == target_type or target_type in (
        "character varying",
        "bpchar",
    ):
        return None
    return target_type


def length_type(plan: ColumnPlan, /) -> str | None:
    """Return the table's type if it has a length or precision, else None."""
    return None if _without_length(plan.pg_type) == plan.pg_type else plan.pg_type


def cast_sql(plan: ColumnPlan, value: str, /) -> str:
    """Return the expression that casts a staged value exactly to the table's type.

    If the type would round or truncate the value, the expression raises 22P02 instead,
    with a message that contains the value.

    Args:
        plan: The column.
        value: The SQL of the staged value.
    """
    target_type = cast_type(plan)
    if _VARCHAR_ARRAY.fullmatch(plan.pg_type):
        return _cut_blanks(plan, f"{value}::{target_type}" if target_type else value)
    if target_type is None:
        return value
    cast = _cast(value, target_type)
    is_exact = kept_exactly(plan, value)
    if is_exact is None:
        return cast
    name = plan.pg_type.replace("'", "''")
    refusal = f"({value} || ' is not exact as {name}')::numeric::text::{target_type}"
    return (
        f"CASE WHEN {is_exact} THEN {cast} WHEN {value} IS NOT NULL THEN {refusal} END"
    )


def input_type(pg_type: str, /) -> str:
    """Return the type that the text of a staged value is cast to first.

    For money that is numeric: the server reads the text of money by its locale, and a
    German one takes the point in 12.50 for a thousands separator.
    """
    return "numeric" if pg_type == "money" else pg_type


def _cast(value: str, pg_type: str) -> str:
    """Return the cast of a staged value by way of its `input_type`."""
    steps = dict.fromkeys([input_type(pg_type), pg_type])
    return "::".join([value, *steps])


def _cut_blanks(plan: ColumnPlan, value: str) -> str:
    """Return the expression of an array without trailing blanks beyond the length.

    An array of which anything else would be cut is left as it is, so that the
    assignment refuses it.
    """
    cut = f"{value}::{plan.pg_type}"
    # as bpchar, texts that differ only in trailing blanks are equal
    only_blanks_cut = f'({value})::bpchar[] COLLATE "C" = ({cut})::bpchar[] COLLATE "C"'
    return f"CASE WHEN {only_blanks_cut} THEN {cut} ELSE {value} END"


def kept_exactly(plan: ColumnPlan, value: str, /) -> str | None:
    """Return the condition that the cast of a staged value does not change it.

    Args:
        plan: The column.
        value: The SQL of the staged value, which the column's type can read.

    Returns:
        The condition, or None if a cast that succeeds never changes a value.
    """
    if plan.domain_base_array:
        # a domain rounds and truncates as its base type does
        return kept_exactly(
            replace(plan, pg_type=plan.domain_base_array, domain_base_array=None), value
        )
    target_type = cast_type(plan)
    if plan.dtype != pl.String or target_type is None:
        return None
    if plan.of_postgis:
        return _within_degrees(value, target_type)
    return _is_exact(plan.pg_type, target_type, value)


def _is_exact(pg_type: str, target_type: str, value: str) -> str | None:
    if target_type.removesuffix("[]") in ("name", '"char"'):
        text = "text[]" if target_type.endswith("[]") else "text"
        return f"{value}::{target_type}::{text} = {value}::{text}"
    if target_type == "money":
        least, most = _MONEY
        return (
            f"CASE WHEN {value}::numeric BETWEEN {least} AND {most} "
            f"THEN {_cast(value, target_type)}::numeric = {value}::numeric "
            f"WHEN {value} IS NOT NULL THEN false END"
        )
    if pg_type != target_type and _ROUNDING.match(pg_type):
        return f"{value}::{pg_type} = {value}::{target_type}"
    return None


def _within_degrees(value: str, pg_type: str) -> str | None:
    """Return the condition that a geography keeps its coordinates, else None.

    PostGIS coerces degrees beyond 180 and 90 into that range, with no more than a
    notice. Bounding boxes are compared, as they have no SRID; an empty geography has no
    box.
    """
    match = _GEOGRAPHY.fullmatch(pg_type)
    if match is None:
        return None
    namespace = match[1] or ""
    plane, box = f"{namespace}geometry", f"{namespace}box2d"
    stored = f"{value}::{pg_type}::{plane}::{box}::text"
    return f"{stored} IS NOT DISTINCT FROM {value}::{plane}::{box}::text"


def _without_length(pg_type: str) -> str:
    # a quoted name may contain parentheses, which are no length
    parts = re.split(r'("(?:[^"]|"")*")', pg_type)
    bare = "".join(
        part if part.startswith('"') else _LENGTH.sub("", part) for part in parts
    )
    bare = _INTERVAL_FIELDS.sub("interval", bare)
    # bit and character without a length mean a length of one; "bit" has any length
    bare = re.sub(r"^bit\[\]$", '"bit"[]', bare)
    bare = re.sub(r"^bit(?! varying)\b", "bit varying", bare)
    return re.sub(r"^character(?! varying)\b", "bpchar", bare)
