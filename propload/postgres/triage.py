"""Finds the rows that the server refuses, and why.

One bad row is named by COPY itself (`line N`) and left out, or suspected by the
values that the server quotes and written by itself. Where that is not the end of it,
the rows go through the stage in a pass of the server that tries them run by run
(`sql/sifting.py`). What COPY cannot even bring into the stage is found by
`staging.uncopied`: by looking for what the server never takes, then by halving.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from propload.batch import ROW, join_reasons
from propload.postgres.counting import counts_of, updates_so_far, write_stage
from propload.postgres.first_look import FirstLook
from propload.postgres.refusals import Refusal, reasons_of, without
from propload.postgres.run_by_run import RunByRun
from propload.postgres.sql import sifting
from propload.postgres.staging import names_its_row, uncopied
from propload.postgres.suspecting import suspects

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from propload.postgres.connection import Connection
    from propload.postgres.failures import Failure
    from propload.postgres.shape import Shape
    from propload.report import Counts

#: A byte that no text may hold: COPY refuses it whatever the table is.
NOT_COPIED = "22021"

Step = Literal["none", "suspect", "screen", "sift"]


class Triage:
    """What is known of the bad rows of one piece.

    Attributes:
        layers: The piece's layers without the rows known to be bad.
        step: How far the search has to go: nowhere, suspects tried one by one, a
            look at the stage, or all rows tried run by run.
        layer: The number of the layer that is being written.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._run_by_run = RunByRun(shape)
        self._first_look = FirstLook(shape)
        self.begin(())

    def begin(self, layers: tuple[pl.DataFrame, ...], /) -> None:
        """Take up a new piece."""
        self.layers = layers
        self.step: Step = "none"
        self.layer = 0
        self._named = False
        self._suspected: int | None = None
        self._known: list[pl.DataFrame] = []
        self._sifted: list[pl.DataFrame] = []

    def begin_attempt(self) -> None:
        """Forget what was found by a transaction that was undone."""
        self._sifted = []
        self.layer = 0

    def reasons(self) -> pl.DataFrame:
        """Return why rows were refused, in the order of the rows."""
        found = join_reasons([*self._known, *self._sifted]).sort(ROW)
        return self._shape.own_names.in_reasons(found)

    def learn(self, connection: Connection, failure: Failure, /) -> bool:
        """Take in a failure and return whether another attempt is worth it.

        Args:
            connection: A session with a stage and without an open transaction.
            failure: What the last attempt met.

        Raises:
            ServerError: The connection broke meanwhile.
        """
        copied = failure.sqlstate not in (None, NOT_COPIED)
        # a null that COPY refuses may yet be kept from a stored value
        decisive = names_its_row(failure) and self._shape.on_null != "keep"
        # it may be the row where a trigger or check that always fails was first met
        decisive &= failure.kind == "data"
        if self.step == "none" and decisive and not self._named:
            self._named = True
            self._leave_out(self.layer, [self._named_row(connection, failure)])
            return True
        if self.step == "none" and copied and self._suspect(failure):
            self.step = "suspect"
            return True
        if self.step != "sift" and copied:
            self.step = "sift" if self.step == "screen" else "screen"
            return True
        self.step = "sift"
        found = [
            self._leave_out(number, uncopied(connection, layer))
            for number, layer in enumerate(self.layers)
        ]
        return any(found)

    def sift(
        self, connection: Connection, layer: pl.DataFrame, /, *, alone: bool = False
    ) -> Counts:
        """Write the good rows of the stage and take note of the others.

        Args:
            connection: A session whose stage holds the layer.
            layer: The rows.
            alone: Whether to write them one by one, because keys come twice.
        """
        suspecting = self.step == "suspect"
        if suspecting and self.layer != self._suspected:
            return write_stage(connection, self._shape, patched(self._shape, layer))
        connection.execute(sifting.IMMEDIATE)
        refusals = [] if suspecting else self._first_look.take_out(connection, layer)
        if self.step == "screen" and refusals and not alone:
            self._sifted.append(reasons_of(layer, refusals))
            return write_stage(connection, self._shape, patched(self._shape, layer))
        before = updates_so_far(connection, self._shape)
        bad, answer = self._run_by_run.write(
            connection, patched(self._shape, layer), alone=alone
        )
        refusals += bad
        self._sifted.append(reasons_of(layer, refusals))
        return counts_of(
            connection,
            self._shape,
            answer,
            before,
            without=[each.place for each in refusals],
        )

    def _suspect(self, failure: Failure) -> bool:
        """Make rows that the failure may be about a layer of their own."""
        # a second bad row calls for a look at all; loose keys have an order to keep
        if self._named or self._shape.loose_key:
            return False
        number = self.layer
        layer = self.layers[number]
        found = suspects(layer, self._shape, failure)
        if not found.any():
            return False
        # the few go first: they are sooner deleted from the stage than the many
        split = (layer.filter(found), layer.filter(~found))
        self.layers = (*self.layers[:number], *split, *self.layers[number + 1 :])
        self._suspected = number
        return True

    def _leave_out(self, number: int, refusals: Sequence[Refusal]) -> bool:
        layer = self.layers[number]
        self._known.append(reasons_of(layer, refusals))
        kept = without(layer, refusals)
        self.layers = (*self.layers[:number], kept, *self.layers[number + 1 :])
        return bool(refusals)

    def _named_row(self, connection: Connection, failure: Failure) -> Refusal:
        refusal = Refusal.of(failure, (failure.line or 1) - 1)
        if refusal.column or not refusal.constraint:
            return refusal
        column = self._run_by_run.column_of(connection, refusal.constraint)
        return replace(refusal, column=column)


def patched(shape: Shape, layer: pl.DataFrame, /) -> tuple[str, ...]:
    """Return columns whose nulls must not reach a column that takes none."""
    if shape.on_null != "keep":
        return ()
    return tuple(
        column.name
        for column in shape.values
        if not column.nullable and layer[column.name].null_count()
    )
