"""Where a run begins: at its first row, or where an earlier process of it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from propload.report import Counts

if TYPE_CHECKING:
    from propload.batch import PartialBatch


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins, and what was committed before.

    Attributes:
        batch: The number of the first joined batch that is new.
        first_row: The run's 0-based number of the first row that is read.
        begun: The batches from there on that some lanes have committed: they are made
            again, of the same rows, and the pieces that are committed are passed over.
        counts: What became of the rows of all committed pieces.
        untold: The rows before the first one of which nobody knows that any more.
        batches: How many batches are committed before the first row.
    """

    batch: int = 0
    first_row: int = 0
    begun: tuple[PartialBatch, ...] = ()
    counts: Counts = field(default_factory=Counts)
    untold: int = 0
    batches: int = 0

    def find(self, first_row: int, through_row: int) -> PartialBatch | None:
        """Return what is committed of the batch of these rows, or None."""
        for one in self.begun:
            if (one.first_row, one.through_row) == (first_row, through_row):
                return one
        return None

    def tears(self, first_row: int, through_row: int) -> bool:
        """Return whether rows are of a batch that is begun, but are not that batch.

        Written so, some of these rows would be written twice.
        """
        return any(
            first_row < one.through_row
            and one.first_row < through_row
            and (first_row, through_row) != (one.first_row, one.through_row)
            for one in self.begun
        )

    def begun_from(self, row: int) -> list[PartialBatch]:
        """Return the batches that are begun and have rows from there on."""
        return [one for one in self.begun if one.through_row > row]

    def committed_from(self, row: int) -> int:
        """Return how many rows are committed of the batches that are begun there."""
        return sum(sum(one.accounted.values()) for one in self.begun_from(row))
