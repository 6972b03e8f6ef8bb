"""What the pipeline asks of its stages."""

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
