"""Where a run begins: at its first row, or where an earlier process left off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from propload.report import Counts

if TYPE_CHECKING:
    from propload.batch import PartialBatch


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins, and what was committed before that.

    Attributes:
        batch: The number of the first joined batch that is new.
        first_row: The run's 0-based number of the first row to read.
        partial_batches: The batches from there on that some lanes have committed. They
            are made again, of the same rows, and their committed pieces are skipped.
        counts: The outcomes of the rows of all committed pieces.
        rows_unaccounted: How many rows before `first_row` have an outcome that is no
            longer known.
        batches: How many batches before `first_row` are committed.
    """

    batch: int = 0
    first_row: int = 0
    partial_batches: tuple[PartialBatch, ...] = ()
    counts: Counts = field(default_factory=Counts)
    rows_unaccounted: int = 0
    batches: int = 0

    def find(self, first_row: int, through_row: int) -> PartialBatch | None:
        """Return the partial batch of exactly these rows, or None if there is none."""
        for batch in self.partial_batches:
            if (batch.first_row, batch.through_row) == (first_row, through_row):
                return batch
        return None

    def conflicts_with(self, first_row: int, through_row: int) -> bool:
        """Return whether rows overlap a partial batch without being exactly that batch.

        Writing these rows would write some of them a second time.
        """
        return any(
            first_row < batch.through_row
            and batch.first_row < through_row
            and (first_row, through_row) != (batch.first_row, batch.through_row)
            for batch in self.partial_batches
        )

    def partial_from(self, row: int) -> list[PartialBatch]:
        """Return the partial batches that have rows from a row number on."""
        return [batch for batch in self.partial_batches if batch.through_row > row]

    def committed_from(self, row: int) -> int:
        """Return how many rows of the partial batches from a row on are committed."""
        return sum(sum(batch.accounted.values()) for batch in self.partial_from(row))
