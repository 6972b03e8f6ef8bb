"""Which columns compare here, byte by byte, as they are stored and as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from propload.postgres.sql import quoting
from propload.postgres.writing.server_hashes import HASHED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.sql.shape import ColumnShape
    from propload.target import ColumnPlan

#: Texts that are compared as they are, and types whose text the server casts to the
#: value that it is the text of.
_TEXTS = ("text", "character varying")
_CAST = ("numeric", "uuid")


@dataclass(frozen=True, slots=True)
class Comparable:
    """A column that compares here.

    Attributes:
        name: Its name.
        stored: The SQL of a stored value.
        incoming: The expression of a value that comes, in the same type.
    """

    name: str
    stored: str
    incoming: pl.Expr


def comparable(columns: Sequence[ColumnShape], /) -> tuple[Comparable, ...] | None:
    """Return how columns compare, or None where one of them does not.

    Values that compare equal here are equal to the server. Others may be equal to it
    all the same: 1.0 and 1.00 are.
    """
    found = [_comparable(column.plan) for column in columns]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else None


def _comparable(plan: ColumnPlan) -> Comparable | None:
    stored, incoming = quoting.name(plan.column), pl.col(plan.column)
    is_text = plan.dtype == pl.String()
    if plan.carrier == "text":
        as_text = is_text and plan.pg_type.startswith(_CAST)
    elif plan.pg_type.startswith(_TEXTS) or (plan.dtype in HASHED and not is_text):
        return Comparable(plan.column, stored, incoming)
    else:
        as_text = isinstance(plan.dtype, pl.Decimal)
    if not as_text:
        return None
    return Comparable(plan.column, f"{stored}::text", incoming.cast(pl.String))
