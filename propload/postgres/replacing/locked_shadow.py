"""Where the rows of a replace gather, and the session that keeps that from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.replacing.shadow import Shadow

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.messages.suggested_commands import Commands
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.target import TableName, Target


class LockedShadow:
    """The shadow of a replace, and the session that keeps its lock.

    Args:
        namespace: Where shadows are kept; empty for beside their targets.
        commands: How commands are written that find the journals of runs.
        connect: Opens a connection.

    Attributes:
        shadow: The shadow, once there is one.
    """

    def __init__(
        self, namespace: str, commands: Commands, *, connect: Callable[[], Connection]
    ) -> None:
        self.shadow: Shadow | None = None
        self._namespace = namespace
        self._commands = commands
        self._connect = connect
        self._keeper: Connection | None = None

    def table_for(
        self,
        target: Target,
        facts: TableFacts,
        run: RunRecord,
        /,
        *,
        has_rows: Callable[[Connection], bool],
    ) -> TableName:
        """Return the shadow of a table, made or taken up, with all its columns.

        Args:
            target: The table and its rules.
            facts: The table as it is now.
            run: The run.
            has_rows: Returns whether earlier processes of it have committed rows.

        Raises:
            ServerError: The server refused.
        """
        # first of all: where the last one was lost, this moves the shadow to a new one
        keeper = self.session()
        if self.shadow is None:
            namespace = self._namespace or target.table.namespace
            shadow = Shadow(keeper, target, run, namespace, commands=self._commands)
            shadow.make(
                unique=facts.keeps_unique(target.key), continued=has_rows(keeper)
            )
            self.shadow = shadow
        self.shadow.widen(facts.columns)
        return self.shadow.table

    def session(self) -> Connection:
        """Return the session that keeps the shadow's lock.

        Raises:
            ServerError: There is none to be had, or the shadow is another run's.
        """
        if self._keeper is None:
            self._keeper = self._connect()
            if self.shadow is not None:
                self._move(self.shadow, self._keeper)
        return self._keeper

    def close(self) -> None:
        """Close that session."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    def _move(self, shadow: Shadow, keeper: Connection) -> None:
        try:
            shadow.move_to(keeper)
        except BaseException:
            # one that has no lock is not to be taken for the keeper
            self.close()
            raise
