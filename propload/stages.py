"""What the pipeline asks of its stages, and where it begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from propload.report import Counts

if TYPE_CHECKING:
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Prepared
    from propload.target import OnRefused, Writer


class Fitted(Protocol):
    """How rows of one set of columns are prepared and written."""

    def prepare(self, joined: Joined) -> Prepared:
        """Return the prepared rows."""

    def open_writer(self, lane: int, on_refused: OnRefused) -> Writer:
        """Return a writer for a lane, which tells of refused rows before it commits."""


class Fit(Protocol):
    """Finds out how rows of one set of columns are prepared and written."""

    def __call__(self, joined: Joined) -> Fitted | None:
        """Return how; called for the first rows of each set of columns.

        None where there is no row to load, nor anything to load it into.
        """


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins: at its first row, or where it was interrupted.

    Attributes:
        batch: The number of the first joined batch.
        first_row: The run's number of the first row.
        ends: Row numbers where joined batches must end.
        committed: Batch and lane of pieces that are passed over.
        counts: What became of the rows of those pieces.
    """

    batch: int = 0
    first_row: int = 0
    ends: tuple[int, ...] = ()
    committed: frozenset[tuple[int, int]] = frozenset()
    counts: Counts = field(default_factory=Counts)
