"""How much of the ledger exists in a database, and what this user may do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from propload.postgres.sql import ledger

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection


class LedgerAccess(NamedTuple):
    """How much of the ledger exists in a database, and what this user may do with it.

    Attributes:
        exists: Whether its tables exist.
        may_create: Whether this user may create them.
        is_usable: Whether they exist and this user may use them.
        has_schema: Whether their schema exists.
    """

    exists: bool
    may_create: bool
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
    def accepts_runs(self) -> bool:
        """Whether runs are entered there: it is usable, or the first run creates it."""
        return self.is_usable or (self.may_create and not self.exists)
