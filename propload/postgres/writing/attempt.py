"""One attempt to write a piece: its transaction except for the entry and the commit."""

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
    from propload.postgres.writing.erasing import ErasureCounter
    from propload.postgres.writing.refused.screening import Screener
    from propload.postgres.writing.refused.sifting import Sifter

#: The counts of a layer's rows, and why rows were refused (columns `REASONS`).
_Outcome: TypeAlias = "tuple[Counts, pl.DataFrame]"


@dataclass(slots=True)
class Attempt:
    """Writes the rows of an approach, straight into the table or through the stage.

    Attributes:
        connection: The lane's session; it has a stage unless `direct`.
        shape: How rows go into the table.
        screener: Finds bad rows in the stage by conditions.
        sifter: Finds the other bad rows by trying to write them.
        approach: The rows, and how to look for bad ones.
        direct: Whether COPY writes straight into the table.
        erasures: Counts the stored values that nulls erase.
        layer: The number of the layer that is being written, or that failed.
    """

    connection: Connection
    shape: Shape
    screener: Screener
    sifter: Sifter
    approach: Approach
    direct: bool
    erasures: ErasureCounter
    layer: int = 0

    @property
    def height(self) -> int:
        """How many rows are to be written."""
        return sum(layer.height for layer in self.approach.layers)

    def write(self) -> Written:
        """Write the rows and return the outcome of the piece once it is committed.

        Raises:
            ServerError: The server refused the layer with the number `layer`, and
                either no row is at fault or the bad rows are still to be found; or the
                connection broke.
        """
        counts, reasons = Counts(), [*self.approach.left_out]
        for number, layer in enumerate(self.approach.layers):
            self.layer = number
            write = self._copy if self.direct else self._stage
            layer_counts, layer_reasons = write(layer)
            counts += layer_counts
            reasons.append(layer_reasons)
        reported = self.shape.shadow_names.replace_in_reasons(
            join_reasons(reasons).sort(ROW)
        )
        counts += Counts(
            unchanged=self.approach.unchanged,
            duplicates=self.approach.duplicates,
            rejected=reported[ROW].n_unique(),
        )
        return Written(counts, reported)

    def _copy(self, layer: pl.DataFrame) -> _Outcome:
        table = self.shape.table
        columns = layer.select(column.name for column in self.shape.columns)
        self.connection.copy(table.table, columns, namespace=table.namespace)
        return Counts(inserted=layer.height), no_reasons()

    def _stage(self, layer: pl.DataFrame) -> _Outcome:
        connection, number = self.connection, self.layer
        step = self.approach.step
        fill_stage(connection, layer, empty_first=number > 0)
        if not layer.height:
            return Counts(), no_reasons()
        if self.approach.is_by_row(number):
            # a row of each of these keys was refused before: rows are at fault
            return self._sift(layer, step="suspect", runs="known_alone")
        if self._needs_single_rows():
            # one by one in the source's order, so that the last row of a key wins
            layer = layer.sort(ROW)
            fill_stage(connection, layer, empty_first=True)
            return self._sift(layer, step=step, runs="alone")
        if self.approach.is_searched(number):
            return self._sift(layer, step=step)
        if number == 0:
            self.erasures.count(connection, layer)
        counts = write_stage(connection, self.shape, self.shape.patched_columns(layer))
        return counts, no_reasons()

    def _needs_single_rows(self) -> bool:
        """Return whether staged rows may have keys that are equal to the server."""
        if not self.shape.key_has_server_equality:
            return False
        if self.approach.step != "none":
            # a key may be impossible to cast, and then it cannot be compared
            return True
        return bool(self.connection.value(merging.has_duplicate_keys(self.shape)))

    def _sift(
        self, layer: pl.DataFrame, *, step: Step, runs: Runs = "growing"
    ) -> _Outcome:
        """Write the good rows of the stage and return the reasons of the bad ones.

        Args:
            layer: The rows of the stage.
            step: How to look for bad rows.
            runs: How many rows are tried at once, and whether rows are known to be at
                fault.
        """
        connection, shape = self.connection, self.shape
        connection.execute(sifting.CHECK_IMMEDIATELY)
        refusals = (
            []
            if step == "suspect"
            else self.screener.delete_bad_rows(connection, layer)
        )
        if step == "screen" and refusals and runs == "growing":
            counts = write_stage(connection, shape, shape.patched_columns(layer))
            return counts, reasons_of(layer, refusals)
        before = updates_so_far(connection, shape)
        bad, answer = self.sifter.write(connection, runs=runs)
        refusals += bad
        ordinals = [each.position for each in refusals]
        counts = merged_counts(connection, shape, answer, before, left_out=ordinals)
        return counts, reasons_of(layer, refusals)
