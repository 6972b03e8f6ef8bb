"""What to try next where the server refuses a piece.

One bad row is named by COPY itself (`line N`) and left out, or suspected by the
values that the server quotes and written by itself. Where that is not the end of it,
the rows go through the stage in a pass of the server that tries them run by run
(`sql/sifting.py`). What COPY cannot even bring into the stage is found by
`staging.uncopied`: by looking for what the server never takes, then by halving.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from propload.postgres.writing.refused.refusals import Refusal
from propload.postgres.writing.refused.suspecting import suspects
from propload.postgres.writing.staging import names_its_row, uncopied

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection
    from propload.postgres.session.failures import Failure
    from propload.postgres.sql.shape import Shape
    from propload.postgres.writing.approach import Approach
    from propload.postgres.writing.refused.sifting import Sift

#: A byte that no text may hold: COPY refuses it whatever the table is.
NOT_COPIED = "22021"


@dataclass(frozen=True, slots=True)
class Triage:
    """Chooses another way to try a piece after a failure.

    Attributes:
        shape: How rows go into the table.
        sift: Knows the columns of constraints.
    """

    shape: Shape
    sift: Sift

    def after(
        self,
        connection: Connection,
        approach: Approach,
        number: int,
        failure: Failure,
        /,
        *,
        direct: bool = False,
    ) -> Approach | None:
        """Return the next approach, or None where no row is found to be at fault.

        Args:
            connection: A session with a stage and without an open transaction.
            approach: What was tried.
            number: The number of the layer that failed.
            failure: What it met.
            direct: Whether COPY went straight into the table.

        Raises:
            ServerError: The connection broke meanwhile.
        """
        if approach.step == "none" and self._is_named(approach, failure):
            if direct and self.shape.passes_over:
                # its key may be stored: it is not written then, so nothing refuses it
                return approach.suspecting(number, _at_line(approach, number, failure))
            named = self._named_row(connection, failure)
            return replace(approach.without(number, [named]), named=True)
        if failure.sqlstate in (None, NOT_COPIED) or approach.step == "sift":
            return _without_uncopied(connection, approach)
        suspecting = self._suspecting(approach, number, failure)
        if suspecting is not None:
            return suspecting
        return replace(approach, step="sift" if approach.step == "screen" else "screen")

    def _is_named(self, approach: Approach, failure: Failure) -> bool:
        """Return whether COPY named the one row that is at fault."""
        # a null that COPY refuses may yet be kept from a stored value
        if approach.named or self.shape.on_null == "keep":
            return False
        # it may be the row where a trigger or check that always fails was first met
        return failure.kind == "data" and names_its_row(failure)

    def _named_row(self, connection: Connection, failure: Failure) -> Refusal:
        refusal = Refusal.of(failure, (failure.line or 1) - 1)
        if refusal.column or not refusal.constraint:
            return refusal
        column = self.sift.column_of(connection, refusal.constraint)
        return replace(refusal, column=column)

    def _suspecting(
        self, approach: Approach, number: int, failure: Failure
    ) -> Approach | None:
        """Return the approach that makes rows that the failure may be about a layer."""
        # a second bad row calls for a look at all; loose keys have an order to keep
        tried = approach.step != "none" or approach.looks_into(number)
        if tried or approach.named or self.shape.loose_key:
            return None
        found = suspects(approach.layers[number], self.shape, failure)
        return approach.suspecting(number, found) if found.any() else None


def _at_line(approach: Approach, number: int, failure: Failure) -> pl.Series:
    """Return for each row of a layer whether it is the one that COPY named."""
    places = pl.int_range(1, approach.layers[number].height + 1, eager=True)
    return places == failure.line


def _without_uncopied(connection: Connection, approach: Approach) -> Approach | None:
    """Return the approach without the rows that COPY cannot bring into the stage."""
    found = replace(approach, step="sift")
    any_found = False
    for number, layer in enumerate(approach.layers):
        refusals = uncopied(connection, layer)
        found = found.without(number, refusals)
        any_found |= bool(refusals)
    return found if any_found else None
