"""One attempt to write a piece: all of a transaction but its entry and its commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from propload.batch import ROW, join_reasons, no_reasons
from propload.postgres.sql import merging, sifting
from propload.postgres.writing.merging import (
    merged_counts,
    updates_so_far,
    write_stage,
)
from propload.postgres.writing.refused.refusals import reasons_of
from propload.postgres.writing.staging import fill_stage
from propload.report import Counts
from propload.target import Written

if TYPE_CHECKING:
    import polars as pl

    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape
    from propload.postgres.sql.sifting import Runs
    from propload.postgres.writing.approach import Approach, Step
    from propload.postgres.writing.erasing import Erasing
    from propload.postgres.writing.refused.screening import Screen
    from propload.postgres.writing.refused.sifting import Sift

#: What became of the rows of a layer, and why others were refused, columns `REASONS`.
_End: TypeAlias = "tuple[Counts, pl.DataFrame]"


@dataclass(slots=True)
class Attempt:
    """Writes the rows of an approach, straight into the table or through the stage.

    Attributes:
        connection: The lane's session; it has a stage unless `direct`.
        shape: How rows go into the table.
        screen: Finds bad ones in the stage by conditions.
        sift: Finds others by trying them.
        approach: The rows.
        direct: Whether COPY goes straight into the table.
        erasing: Counts what nulls erase.
        layer: The number of the layer that is written, or that failed.
    """

    connection: Connection
    shape: Shape
    screen: Screen
    sift: Sift
    approach: Approach
    direct: bool
    erasing: Erasing
    layer: int = 0

    @property
    def height(self) -> int:
        """The rows that are written."""
        return sum(layer.height for layer in self.approach.layers)

    def write(self) -> Written:
        """Write the rows and return what becomes of the piece if this is committed.

        Raises:
            ServerError: The server refused the layer `layer`, of which no row is at
                fault or more has to be found out, or the connection broke.
        """
        counts, reasons = Counts(), [*self.approach.left_out]
        for number, layer in enumerate(self.approach.layers):
            self.layer = number
            write = self._copy if self.direct else self._stage
            written, refused = write(layer)
            counts += written
            reasons.append(refused)
        told = self.shape.shadow_names.in_reasons(join_reasons(reasons).sort(ROW))
        counts += Counts(
            unchanged=self.approach.unsent,
            duplicates=self.approach.duplicates,
            rejected=told[ROW].n_unique(),
        )
        return Written(counts, told)

    def _copy(self, layer: pl.DataFrame) -> _End:
        table = self.shape.table
        columns = layer.select(column.name for column in self.shape.columns)
        self.connection.copy(table.table, columns, namespace=table.namespace)
        return Counts(inserted=layer.height), no_reasons()

    def _stage(self, layer: pl.DataFrame) -> _End:
        connection, number = self.connection, self.layer
        step = self.approach.step
        fill_stage(connection, layer, again=number > 0)
        if not layer.height:
            return Counts(), no_reasons()
        if self.approach.goes_by_row(number):
            # rows of these keys were refused before: it is known that rows are at fault
            return self._sift(layer, step="suspect", runs="known_alone")
        if self._goes_alone():
            # one by one, in the order of the source: the last one wins
            layer = layer.sort(ROW)
            fill_stage(connection, layer, again=True)
            return self._sift(layer, step=step, runs="alone")
        if self.approach.looks_into(number):
            return self._sift(layer, step=step)
        if number == 0:
            self.erasing.look(connection, layer)
        counts = write_stage(connection, self.shape, self.shape.patched(layer))
        return counts, no_reasons()

    def _goes_alone(self) -> bool:
        """Return whether the stage may hold a key twice, as the server sees keys."""
        if not self.shape.loose_key:
            return False
        if self.approach.step != "none":
            # a key that cannot be cast cannot be compared either
            return True
        return bool(self.connection.value(merging.key_comes_twice(self.shape)))

    def _sift(self, layer: pl.DataFrame, *, step: Step, runs: Runs = "growing") -> _End:
        """Write the good rows of the stage, and look for bad ones as far as told.

        Args:
            layer: The rows of the stage.
            step: How far to look.
            runs: How many are tried at once, and what is known before.
        """
        connection, shape = self.connection, self.shape
        connection.execute(sifting.IMMEDIATE)
        refusals = [] if step == "suspect" else self.screen.take_out(connection, layer)
        if step == "screen" and refusals and runs == "growing":
            counts = write_stage(connection, shape, shape.patched(layer))
            return counts, reasons_of(layer, refusals)
        before = updates_so_far(connection, shape)
        bad, answer = self.sift.write(connection, runs=runs)
        refusals += bad
        places = [each.place for each in refusals]
        counts = merged_counts(connection, shape, answer, before, without=places)
        return counts, reasons_of(layer, refusals)
