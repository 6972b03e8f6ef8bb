"""How much of the ledger exists in a database, and what this user may do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from propload.postgres.sql import ledger

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection


class LedgerAccess(NamedTuple):
    """How much of the ledger exists in a database, and what this user may do with it.

    Attributes:
        is_there: Whether its tables exist.
        may_make: Whether this user may create them.
        is_usable: Whether they exist and this user may use them.
        has_schema: Whether their schema exists.
    """

    is_there: bool
    may_make: bool
    is_usable: bool
    has_schema: bool

    @classmethod
    def of(cls, connection: Connection, /) -> Self:
        """Return the present state, as the catalog has it.

        Raises:
            ServerError: The connection broke.
        """
        return cls(*connection.ask(ledger.ACCESS)[0])

    @property
    def takes_runs(self) -> bool:
        """Whether runs are entered there: it is usable, or the first run creates it."""
        return self.is_usable or (self.may_make and not self.is_there)
