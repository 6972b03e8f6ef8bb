"""Tells how stored and incoming values of a column are compared by their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from propload.postgres.sql import quoting
from propload.postgres.writing.stored.server_hashes import HASHED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propload.postgres.sql.shape import ColumnShape
    from propload.target import ColumnPlan

#: Types sent as text whose values the server also writes as text, in one form.
_TEXT_TYPES = ("numeric", "uuid")
#: The server's function that returns the bytes that are hashed in place of a value.
_SEND_FUNCTIONS: Mapping[pl.DataType, str] = {
    pl.Int64(): "int8send",
    pl.Datetime("us"): "timestamp_send",
    pl.Datetime("us", "UTC"): "timestamptz_send",
}


@dataclass(frozen=True, slots=True)
class Comparable:
    """A column whose stored and incoming values can be compared by their hashes.

    Attributes:
        name: The column's name.
        stored: The SQL expression of a stored value.
        incoming: The Polars expression of an incoming value, in the same type.
    """

    name: str
    stored: str
    incoming: pl.Expr


def comparable_columns(
    columns: Sequence[ColumnShape], /
) -> tuple[Comparable, ...] | None:
    """Return how columns are compared, or None if one of them cannot be.

    Values that are found equal here are equal to the server. Others may nevertheless be
    equal to the server, such as 1.0 and 1.00.
    """
    comparables = [_comparable(column.plan) for column in columns]
    known = tuple(each for each in comparables if each is not None)
    return known if len(known) == len(comparables) else None


def _comparable(plan: ColumnPlan) -> Comparable | None:
    stored, incoming = quoting.name(plan.column), pl.col(plan.column)
    is_text = plan.dtype == pl.String()
    if plan.transfer_format == "copy" and (
        _is_text(plan.pg_type) if is_text else plan.dtype in HASHED
    ):
        send = _SEND_FUNCTIONS.get(plan.dtype)
        hashed = f"pg_catalog.{send}({stored})" if send else stored
        return Comparable(plan.column, hashed, incoming)
    if not _has_one_text(plan):
        return None
    return Comparable(plan.column, f"{stored}::text", incoming.cast(pl.String))


def _is_text(pg_type: str) -> bool:
    """Return whether a type is text or varchar; an enum may be named `text...`."""
    return pg_type == "text" or pg_type.startswith("character varying")


def _has_one_text(plan: ColumnPlan) -> bool:
    """Return whether a value arrives as the text that the server writes for it."""
    if isinstance(plan.dtype, pl.Decimal):
        return True
    if plan.dtype != pl.String():
        return False
    if plan.transfer_format == "text":
        return plan.pg_type.startswith(_TEXT_TYPES)
    # the server reformats such values: jsonb gets other blanks and another key order
    return not plan.pg_type.startswith(("jsonb", "xml"))
