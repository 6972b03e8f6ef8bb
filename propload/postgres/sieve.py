"""Writes the good rows of the stage, and says why the others are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.counting import counts_of, updates_so_far, write_stage
from propload.postgres.first_look import FirstLook
from propload.postgres.run_by_run import RunByRun
from propload.postgres.sql import sifting

if TYPE_CHECKING:
    import polars as pl

    from propload.postgres.approach import Step
    from propload.postgres.connection import Connection
    from propload.postgres.refusals import Refusal
    from propload.postgres.shape import Shape
    from propload.report import Counts


class Sieve:
    """Tells bad rows of a shape from good ones; keeps what it asked the server.

    Args:
        shape: How rows go into the table.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._run_by_run = RunByRun(shape)
        self._first_look = FirstLook(shape)

    def column_of(self, connection: Connection, constraint: str, /) -> str | None:
        """Return the columns that a constraint is about, or None."""
        return self._run_by_run.column_of(connection, constraint)

    def write(
        self,
        connection: Connection,
        layer: pl.DataFrame,
        /,
        *,
        step: Step,
        alone: bool = False,
    ) -> tuple[Counts, list[Refusal]]:
        """Write the good rows of the stage; return their counts and the others.

        Args:
            connection: A session whose stage holds the layer.
            layer: The rows.
            step: How far to look for bad ones.
            alone: Whether to write them one by one, because keys come twice.

        Raises:
            ServerError: No row is at fault, or a further look is called for.
        """
        shape = self._shape
        patched = shape.patched(layer)
        connection.execute(sifting.IMMEDIATE)
        suspecting = step == "suspect"
        refusals = [] if suspecting else self._first_look.take_out(connection, layer)
        if step == "screen" and refusals and not alone:
            return write_stage(connection, shape, patched), refusals
        before = updates_so_far(connection, shape)
        bad, answer = self._run_by_run.write(connection, patched, alone=alone)
        refusals += bad
        places = [each.place for each in refusals]
        counts = counts_of(connection, shape, answer, before, without=places)
        return counts, refusals
