"""What there is of the ledger in a database, and what this user may do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from propload.postgres.sql import ledger

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection


class LedgerAccess(NamedTuple):
    """What there is of the ledger in a database, and what this user may do with it.

    Attributes:
        is_there: Whether its tables are there.
        may_make: Whether this user may make them.
        is_usable: Whether they are there and this user may use them.
        has_schema: Whether there is a schema for them.
    """

    is_there: bool
    may_make: bool
    is_usable: bool
    has_schema: bool

    @classmethod
    def of(cls, connection: Connection, /) -> Self:
        """Return how it stands now.

        Raises:
            ServerError: The connection broke.
        """
        return cls(*connection.ask(ledger.ACCESS)[0])

    @property
    def takes_runs(self) -> bool:
        """Whether runs are entered there: as it is, or made by the first of them."""
        return self.is_usable or (self.may_make and not self.is_there)
