"""What the pipeline asks of its stages, and where it begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from propload.report import Counts

if TYPE_CHECKING:
    import polars as pl

    from propload.batch import PartialBatch
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Prepared
    from propload.target import OnRefused, Writer


class Fitted(Protocol):
    """How rows of one set of columns are prepared and written."""

    @property
    def routing(self) -> Routing | None:
        """What decides which lane takes a row, or None where there is no row."""

    def prepare(self, joined: Joined, *, together: bool | None = None) -> Prepared:
        """Return the prepared rows.

        Args:
            joined: The rows as read.
            together: Whether all take one lane, where that was settled before.
        """

    def open_writer(self, lane: int, on_refused: OnRefused) -> Writer:
        """Return a writer for a lane, which tells of rejected rows before it commits.

        It goes on in the session of the lane's writer before it, if there was one:
        only the last one is closed.
        """


class Fit(Protocol):
    """Finds out how rows of one set of columns are prepared and written."""

    def __call__(self, joined: Joined) -> Fitted | None:
        """Return how; called for the first rows of each set of columns.

        Of rows that cannot be read, how they are entered: that has no routing, and
        says nothing of others. None where nothing came at all, and no table is there.
        """


@dataclass(frozen=True, slots=True)
class Routing:
    """What decides which lane takes a row.

    Attributes:
        together: Whether all rows take the first one.
        key: The types of the key's columns: values of two types have two hashes.
    """

    together: bool = False
    key: tuple[pl.DataType, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins: at its first row, or where it was interrupted.

    Attributes:
        batch: The number of the first joined batch that is new.
        first_row: The run's number of the first row.
        begun: The batches that are committed in part: they are made again, of the
            same rows, and the pieces that are committed are passed over.
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

    def find(self, joined: Joined) -> PartialBatch | None:
        """Return what is committed of a joined batch, or None where nothing is."""
        place = joined.first_row, joined.through_row
        for one in self.begun:
            if (one.first_row, one.through_row) == place:
                return one
        return None

    def tears(self, joined: Joined) -> bool:
        """Return whether it has rows of a batch that is begun, but is not that batch.

        Written so, some of these rows would be written twice.
        """
        first, through = joined.first_row, joined.through_row
        return any(
            first < one.through_row
            and one.first_row < through
            and (first, through) != (one.first_row, one.through_row)
            for one in self.begun
        )

    def begun_from(self, row: int) -> list[PartialBatch]:
        """Return the batches that are begun and have rows from there on."""
        return [one for one in self.begun if one.through_row > row]

    def committed_from(self, row: int) -> int:
        """Return how many rows are committed of the batches that are begun there."""
        return sum(sum(one.accounted.values()) for one in self.begun_from(row))
