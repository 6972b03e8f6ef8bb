"""What to try next where the server refuses a piece.

One bad row is named by COPY itself (`line N`) and left out, or suspected by the
values that the server quotes and written by itself. Where that is not the end of it,
the rows go through the stage in a pass of the server that tries them run by run
(`sql/sifting.py`). What COPY cannot even bring into the stage is found by
`staging.uncopied`: by looking for what the server never takes, then by halving.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propload.postgres.refusals import Refusal
from propload.postgres.staging import names_its_row, uncopied
from propload.postgres.suspecting import suspects

if TYPE_CHECKING:
    from propload.postgres.connection import Connection
    from propload.postgres.failures import Failure
    from propload.postgres.shape import Shape
    from propload.postgres.sieve import Sieve
    from propload.postgres.trial import Trial

#: A byte that no text may hold: COPY refuses it whatever the table is.
NOT_COPIED = "22021"


class Triage:
    """Chooses another way to try a piece after a failure.

    Args:
        shape: How rows go into the table.
        sieve: Knows the columns of constraints.
    """

    def __init__(self, shape: Shape, sieve: Sieve) -> None:
        self._shape = shape
        self._sieve = sieve

    def after(
        self, connection: Connection, trial: Trial, number: int, failure: Failure, /
    ) -> Trial | None:
        """Return the next trial, or None where no row is found to be at fault.

        Args:
            connection: A session with a stage and without an open transaction.
            trial: What was tried.
            number: The number of the layer that failed.
            failure: What it met.

        Raises:
            ServerError: The connection broke meanwhile.
        """
        if trial.step == "none" and self._is_named(trial, failure):
            named = self._named_row(connection, failure)
            return replace(trial.without(number, [named]), named=True)
        if failure.sqlstate in (None, NOT_COPIED) or trial.step == "sift":
            return _without_uncopied(connection, trial)
        suspecting = self._suspecting(trial, number, failure)
        if suspecting is not None:
            return suspecting
        return replace(trial, step="sift" if trial.step == "screen" else "screen")

    def _is_named(self, trial: Trial, failure: Failure) -> bool:
        """Return whether COPY named the one row that is at fault."""
        # a null that COPY refuses may yet be kept from a stored value
        if trial.named or self._shape.on_null == "keep":
            return False
        # it may be the row where a trigger or check that always fails was first met
        return failure.kind == "data" and names_its_row(failure)

    def _named_row(self, connection: Connection, failure: Failure) -> Refusal:
        refusal = Refusal.of(failure, (failure.line or 1) - 1)
        if refusal.column or not refusal.constraint:
            return refusal
        column = self._sieve.column_of(connection, refusal.constraint)
        return replace(refusal, column=column)

    def _suspecting(self, trial: Trial, number: int, failure: Failure) -> Trial | None:
        """Return the trial that makes rows that the failure may be about a layer."""
        # a second bad row calls for a look at all; loose keys have an order to keep
        if trial.step != "none" or trial.named or self._shape.loose_key:
            return None
        found = suspects(trial.layers[number], self._shape, failure)
        return trial.suspecting(number, found) if found.any() else None


def _without_uncopied(connection: Connection, trial: Trial) -> Trial | None:
    """Return the trial without the rows that COPY cannot bring into the stage."""
    found = replace(trial, step="sift")
    any_found = False
    for number, layer in enumerate(trial.layers):
        refusals = uncopied(connection, layer)
        found = found.without(number, refusals)
        any_found |= bool(refusals)
    return found if any_found else None
