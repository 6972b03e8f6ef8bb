"""What the pipeline asks of its stages, and where it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from propload.prepare.joining import Joined
    from propload.target import OnRefused, Writer


class Prepared(Protocol):
    """What prepare makes of raw rows."""

    @property
    def lanes(self) -> Sequence[tuple[pl.DataFrame, ...]]:
        """The layers of each lane, sorted by key, with `ROW`."""

    @property
    def reasons(self) -> pl.DataFrame:
        """Why rows were refused, columns `REASONS`."""

    @property
    def duplicates(self) -> int:
        """Rows dropped by dedupe."""

    @property
    def warnings(self) -> pl.DataFrame | None:
        """Loaded rows by warning: column, check, message, rows; or None."""


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


class Start(Protocol):
    """Where a run begins."""

    @property
    def batch(self) -> int:
        """The number of the first joined batch."""

    @property
    def first_row(self) -> int:
        """The run's number of the first row."""

    @property
    def ends(self) -> tuple[int, ...]:
        """Row numbers where joined batches must end."""

    @property
    def committed(self) -> frozenset[tuple[int, int]]:
        """Batch and lane of pieces that are passed over."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The start of a run that is new."""

    batch: int = 0
    first_row: int = 0
    ends: tuple[int, ...] = ()
    committed: frozenset[tuple[int, int]] = frozenset()


START = Beginning()
