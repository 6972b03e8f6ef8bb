"""Decides what to try next if the server refuses a piece.

A single bad row is reported by COPY itself (`line N`) and left out, or it is suspected
by the values that the server's message quotes, and written by itself. If that is not
enough, bad rows are found in the stage: by conditions (`sql/screening.py`), then by
writing it run by run (`sql/sifting.py`). Rows that COPY cannot even put into the stage
are found by `staging.find_uncopyable`: by known limits of the server, then by
bisection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from propload.postgres.writing.refused.refusals import Refusal
from propload.postgres.writing.refused.suspecting import find_suspects
from propload.postgres.writing.staging import find_uncopyable, names_its_row

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection
    from propload.postgres.session.failures import Failure
    from propload.postgres.sql.shape import Shape
    from propload.postgres.writing.approach import Approach
    from propload.postgres.writing.refused.sifting import Sifter

#: A byte that is invalid in a text: COPY refuses it whatever the table is.
NOT_COPIED = "22021"


@dataclass(frozen=True, slots=True)
class Triage:
    """Chooses the next approach to a piece after a failure.

    Attributes:
        shape: How rows go into the table.
        sifter: Tells the columns of constraints.
    """

    shape: Shape
    sifter: Sifter

    def next_approach(
        self,
        connection: Connection,
        approach: Approach,
        number: int,
        failure: Failure,
        /,
        *,
        direct: bool = False,
    ) -> Approach | None:
        """Return the next approach, or None if no row is found to be at fault.

        Args:
            connection: A session with a stage and without an open transaction.
            approach: The approach that failed.
            number: The number of the layer that failed.
            failure: The failure.
            direct: Whether COPY wrote straight into the table.

        Raises:
            ServerError: The connection broke meanwhile.
        """
        if approach.step == "none" and self._is_named(approach, failure):
            if direct and self.shape.may_skip_changed:
                # if its key is stored, it may be skipped, and then it is not refused
                return approach.with_suspects(
                    number, _at_line(approach, number, failure)
                )
            refusal = self._named_row(connection, failure)
            return replace(
                approach.without_refused(number, [refusal]), left_out_named=True
            )
        if failure.sqlstate in (None, NOT_COPIED) or approach.step == "sift":
            return _without_uncopyable(connection, approach)
        with_suspects = self._with_suspects(approach, number, failure)
        if with_suspects is not None:
            return with_suspects
        return replace(approach, step="sift" if approach.step == "screen" else "screen")

    def _is_named(self, approach: Approach, failure: Failure) -> bool:
        """Return whether COPY reported the one row that is at fault."""
        # a null that COPY refuses may be replaced by the stored value when merged
        if approach.left_out_named or self.shape.on_null == "keep":
            return False
        # otherwise it may be the first row only of a trigger or check that always fails
        return failure.kind == "data" and names_its_row(failure)

    def _named_row(self, connection: Connection, failure: Failure) -> Refusal:
        refusal = Refusal.of(failure, (failure.line or 1) - 1)
        if refusal.column or not refusal.constraint:
            return refusal
        column = self.sifter.column_of(connection, refusal.constraint)
        return replace(refusal, column=column)

    def _with_suspects(
        self, approach: Approach, number: int, failure: Failure
    ) -> Approach | None:
        """Return the approach with the suspects of the failure in a layer of their own.

        None if there are no suspects, or if they were tried before.
        """
        # after a second bad row all rows are examined; rows whose keys only the server
        # can compare need order
        tried = approach.step != "none" or approach.is_searched(number)
        if tried or approach.left_out_named or self.shape.key_has_server_equality:
            return None
        suspects = find_suspects(approach.layers[number], self.shape, failure)
        return approach.with_suspects(number, suspects) if suspects.any() else None


def _at_line(approach: Approach, number: int, failure: Failure) -> pl.Series:
    """Return for each row of a layer whether COPY reported it."""
    lines = pl.int_range(1, approach.layers[number].height + 1, eager=True)
    return lines == failure.line


def _without_uncopyable(connection: Connection, approach: Approach) -> Approach | None:
    """Return the approach without the rows that COPY cannot put into the stage."""
    remaining = replace(approach, step="sift")
    any_refused = False
    for number, layer in enumerate(approach.layers):
        refusals = find_uncopyable(connection, layer)
        remaining = remaining.without_refused(number, refusals)
        any_refused |= bool(refusals)
    return remaining if any_refused else None
