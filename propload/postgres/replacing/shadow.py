"""The shadow of a replace: the table in which its rows are gathered."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.postgres.replacing.earlier_shadows import (
    DROP_SECONDS,
    Remark,
    drop,
    lock_of,
    name_of,
    remove_abandoned,
)
from propload.postgres.replacing.shadow_rights import missing_shadow_right
from propload.postgres.replacing.swap import Swap, require_types
from propload.postgres.session import failures, locking
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import swapping
from propload.postgres.sql.quoting import table as quoted_table
from propload.postgres.sql.shadow_names import ShadowNames
from propload.postgres.sql.tables import (
    add_columns_statement,
    drop_statement,
    exists_query,
    like_statement,
)
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from propload.messages.suggested_commands import Commands
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableColumn
    from propload.report import Counts
    from propload.target import Target

log = logging.getLogger(__name__)


class Shadow:
    """The shadow of one run, and the session that holds its lock while it is in use.

    Args:
        target: The table and its rules.
        run: The run.
        namespace: The namespace for shadows.
        commands: Formats commands for users, with the options that find runs' journals.
        connect: Opens a connection.

    Attributes:
        table: The name of the shadow.
    """

    def __init__(
        self,
        target: Target,
        run: RunRecord,
        namespace: str,
        *,
        commands: Commands,
        connect: Callable[[], Connection],
    ) -> None:
        self.table = TableName(namespace, name_of(run.run_id, str(target.table)))
        self._target = target
        self._run = run
        self._commands = commands
        self._connect = connect
        self._keeper: Connection | None = None
        self._columns: dict[str, None] = {}
        self._since = datetime.now(UTC).isoformat(timespec="seconds")

    def session(self) -> Connection:
        """Return the session that holds the lock, opening one if there is none.

        Raises:
            WriteError: No session can be opened, or another process executes this run.
        """
        if self._keeper is None:
            session = self._connect()
            try:
                self._take_lock(session)
            except BaseException:
                session.close()
                raise
            self._keeper = session
        return self._keeper

    def close(self) -> None:
        """Close the session that holds the lock."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    def make(self, *, unique: bool, continued: bool) -> None:
        """Create the empty shadow, or take over that of a run that is continued.

        Args:
            unique: Whether the target has a unique index of the key.
            continued: Whether the run has committed pieces already.

        Raises:
            WriteError: The rows of a continued run are gone, or this user may not
                create tables in the namespace.
        """
        session, table = self.session(), self._target.table
        remove_abandoned(session, table, self._run.run_id, commands=self._commands)
        there = session.value(exists_query(self.table))
        if continued and not there:
            raise failures.gathered_rows_gone_error(str(table))
        if continued:
            before = Remark.read(session.value(swapping.noted(self.table)))
            if before is not None:
                self._columns |= dict.fromkeys(before.columns)
                self._since = before.since
        else:
            self._require_right()
            self._create(unique=unique)
            self._note(self._columns)
        session.commit()

    def widen(self, columns: Sequence[TableColumn], /) -> None:
        """Add the columns that the target has got since the shadow was created.

        Args:
            columns: The columns of the target.

        Raises:
            WriteError: The shadow is gone.
        """
        session = self.session()
        found = session.rows(swapping.columns_of(self.table))
        there = {name for (name,) in found}
        if not there:
            raise failures.gathered_rows_gone_error(str(self._target.table))
        new = {one.name: one.pg_type for one in columns if one.name not in there}
        if new:
            session.execute(add_columns_statement(self.table, new))
        session.commit()

    def note_columns(self, columns: Sequence[str], /) -> None:
        """Note columns that rows are sent with, in the remark too, for a continued run.

        Raises:
            SchemaMismatchError: One has another type in the table than in the shadow.
        """
        session = self.session()
        try:
            require_types(session, self._target.table, self.table, columns)
        finally:
            session.rollback()
        if self._columns.keys() >= set(columns):
            return
        known = self._columns | dict.fromkeys(columns)
        self._note(known)
        session.commit()
        # only now: if the connection broke, the retry has to note them
        self._columns = known

    def swap(self, committed: Counts, /) -> None:
        """Replace the table's rows with the shadow's; the caller commits.

        Args:
            committed: The counts of the rows that the run has committed.

        Raises:
            WriteError: The server refused, the shadow lacks rows, or a trigger skipped
                some; the table keeps its rows.
            SchemaMismatchError: A column of the table has another type by now.
        """
        columns = tuple(self._columns)
        swap = Swap(self.session(), self._target, self.table, columns)
        swap.run(committed)

    def clear(self) -> None:
        """Drop the shadow after a committed swap.

        If the server refuses, that is only logged, and the empty shadow is left for a
        later replace to drop.
        """
        try:
            drop(self.session(), self.table, wait=DROP_SECONDS)
        except ServerError as error:
            log.debug("%s is left, empty: %s", self.table, error)

    def _take_lock(self, session: Connection) -> None:
        wait = locking.GRACE_SECONDS
        if not locking.take(session, lock_of(self.table), wait=wait):
            msg = (
                f"another process is replacing {self._target.table} in this very run "
                f"{self._run.run_id}: wait for it to end"
            )
            raise WriteError(msg, table=str(self._target.table))

    def _note(self, columns: Iterable[str]) -> None:
        remark = Remark(
            self._run.run_id,
            str(self._target.table),
            since=self._since,
            journaled=self._run.is_journaled,
            columns=[*columns],
        )
        self.session().execute(swapping.note(self.table, remark.text))

    def _require_right(self) -> None:
        table = self._target.table
        missing = missing_shadow_right(self.session(), table, self.table.namespace)
        if missing:
            raise WriteError(missing, table=str(table), sqlstate=failures.MISSING_RIGHT)

    def _create(self, *, unique: bool) -> None:
        target = self._target
        session = self.session()
        run = session.execute
        run(drop_statement(self.table))
        run(like_statement(self.table, target.table))
        if target.key and not unique:
            run(swapping.add_key(self.table, target.key))
        named = (quoted_table(target.table),)
        constraints = session.rows(swapping.FOREIGN_KEYS, named)
        # otherwise a row without a partition would make the swap fail
        placed = session.value(swapping.PLACED, named)
        if placed:
            partition = f"partition of {target.table.table}"
            constraints.append((partition, f"CHECK ({placed})"))
        for constraint, definition in constraints:
            run(swapping.add_constraint(self.table, constraint, definition))


def read_shadow_names(
    connection: Connection, shadow: TableName, target: TableName, /
) -> ShadowNames:
    """Return the names of a shadow and its indexes, each with the target's.

    Args:
        connection: A session with the database of both.
        shadow: The table that is written: the shadow, or else the target itself.
        target: The table that is to be replaced.

    Raises:
        ServerError: The catalog cannot be read.
    """
    if shadow == target:
        return ShadowNames()
    both = (quoted_table(shadow), quoted_table(target))
    found = [(str(one), str(own)) for one, own in connection.rows(swapping.TWINS, both)]
    tables = ((str(shadow), str(target)), (shadow.table, target.table))
    named = sorted(found, key=lambda pair: len(pair[0]), reverse=True)
    return ShadowNames((*named, *tables), shadow.namespace)
