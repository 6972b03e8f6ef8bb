"""Writes the good rows of the stage, and says why the others are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import sifting
from propload.postgres.writing.merging import (
    merged_counts,
    updates_so_far,
    write_stage,
)
from propload.postgres.writing.refused.screening import Screen
from propload.postgres.writing.refused.sifting import Sift

if TYPE_CHECKING:
    import polars as pl

    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape
    from propload.postgres.sql.sifting import Runs
    from propload.postgres.writing.approach import Step
    from propload.postgres.writing.refused.refusals import Refusal
    from propload.report import Counts


class StageWriter:
    """Tells bad rows of a shape from good ones; keeps what it asked the server.

    Args:
        shape: How rows go into the table.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._sifting = Sift(shape)
        self._screening = Screen(shape)

    def column_of(self, connection: Connection, constraint: str, /) -> str | None:
        """Return the columns that a constraint is about, or None."""
        return self._sifting.column_of(connection, constraint)

    def write(
        self,
        connection: Connection,
        layer: pl.DataFrame,
        /,
        *,
        step: Step,
        runs: Runs = "growing",
    ) -> tuple[Counts, list[Refusal]]:
        """Write the good rows of the stage; return their counts and the others.

        Args:
            connection: A session whose stage holds the layer.
            layer: The rows.
            step: How far to look for bad ones.
            runs: How many are tried at once, and what is known before.

        Raises:
            ServerError: No row is at fault, or a further look is called for.
        """
        connection.execute(sifting.IMMEDIATE)
        shape = self._shape
        suspecting = step == "suspect"
        refusals = [] if suspecting else self._screening.take_out(connection, layer)
        if step == "screen" and refusals and runs == "growing":
            counts = write_stage(connection, shape, shape.patched(layer))
            return counts, refusals
        before = updates_so_far(connection, shape)
        bad, answer = self._sifting.write(connection, runs=runs)
        refusals += bad
        places = [each.place for each in refusals]
        counts = merged_counts(connection, shape, answer, before, without=places)
        return counts, refusals
