"""A committed piece, as the ledger has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from propload.report import Counts


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A committed piece.

    Attributes:
        batch: The prepared batch's number in the run.
        lane: The lane's number.
        first_row: The run's 0-based number of the batch's first row.
        through_row: The number after its last row.
        counts: How many of its rows had each outcome.
    """

    batch: int
    lane: int
    first_row: int
    through_row: int
    counts: Counts
