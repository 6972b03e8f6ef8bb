"""The protocols of the pipeline's stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Prepared
    from propload.target import OnRefused, Writer


class Fitted(Protocol):
    """How rows of one set of columns are prepared and written."""

    @property
    def routing(self) -> Routing | None:
        """What decides which lane takes a row, or None if no row is written."""

    def prepare(self, joined: Joined, *, together: bool | None = None) -> Prepared:
        """Return the prepared rows.

        Args:
            joined: The rows as read.
            together: Whether all rows take one lane, if an earlier process of the run
                decided that.
        """

    def open_writer(self, lane: int, on_rejected: OnRefused) -> Writer:
        """Return a writer for a lane, which reports rejected rows before it commits.

        It takes over the session of the lane's previous writer, if there was one, so
        only the last writer is closed.
        """


class Fit(Protocol):
    """Finds out how rows of one set of columns are prepared and written."""

    def __call__(self, joined: Joined) -> Fitted | None:
        """Return how such rows are prepared and written.

        Called with the first rows of each set of columns.

        For rows that cannot be read, the result only enters them in the ledger: it has
        no routing, and is not used for other rows. None if no row came and the table
        does not exist.
        """


@dataclass(frozen=True, slots=True)
class Routing:
    """What decides which lane takes a row.

    Attributes:
        together: Whether all rows take the first lane.
        key: The types of the key's columns: equal values of different types have
            different hashes.
    """

    together: bool = False
    key: tuple[pl.DataType, ...] = ()
