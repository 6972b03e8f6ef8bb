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
    drop_abandoned,
    shadow_lock,
    shadow_name,
)
from propload.postgres.replacing.shadow_rights import missing_privilege
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
        self.table = TableName(namespace, shadow_name(run.run_id, str(target.table)))
        self._target = target
        self._run = run
        self._commands = commands
        self._connect = connect
        self._lock_session: Connection | None = None
        self._columns: dict[str, None] = {}
        self._since = datetime.now(UTC).isoformat(timespec="seconds")

    def session(self) -> Connection:
        """Return the session that holds the lock, opening one if there is none.

        Raises:
            WriteError: No session can be opened, or another process executes this run.
        """
        if self._lock_session is None:
            session = self._connect()
            try:
                self._take_lock(session)
            except BaseException:
                session.close()
                raise
            self._lock_session = session
        return self._lock_session

    def close(self) -> None:
        """Close the session that holds the lock."""
        if self._lock_session is not None:
            self._lock_session.close()
            self._lock_session = None

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
        drop_abandoned(session, table, self._run.run_id, commands=self._commands)
        exists = session.value(exists_query(self.table))
        if continued and not exists:
            raise failures.gathered_rows_gone_error(str(table))
        if continued:
            remark = Remark.read(session.value(swapping.read_remark(self.table)))
            if remark is not None:
                self._columns |= dict.fromkeys(remark.columns)
                self._since = remark.since
        else:
            self._require_privilege()
            self._create(unique=unique)
            self._write_remark(self._columns)
        session.commit()

    def add_missing_columns(self, columns: Sequence[TableColumn], /) -> None:
        """Add the columns that the target has got since the shadow was created.

        Args:
            columns: The columns of the target.

        Raises:
            WriteError: The shadow is gone.
        """
        session = self.session()
        rows = session.rows(swapping.column_names(self.table))
        existing = {name for (name,) in rows}
        if not existing:
            raise failures.gathered_rows_gone_error(str(self._target.table))
        new = {c.name: c.pg_type for c in columns if c.name not in existing}
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
        all_columns = self._columns | dict.fromkeys(columns)
        self._write_remark(all_columns)
        session.commit()
        # only now: if the connection broke, the retry has to note them
        self._columns = all_columns

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
        if not locking.take(session, shadow_lock(self.table), wait=wait):
            msg = (
                f"another process is replacing {self._target.table} in this very run "
                f"{self._run.run_id}: wait for it to end"
            )
            raise WriteError(msg, table=str(self._target.table))

    def _write_remark(self, columns: Iterable[str]) -> None:
        remark = Remark(
            self._run.run_id,
            str(self._target.table),
            since=self._since,
            journaled=self._run.is_journaled,
            columns=[*columns],
        )
        self.session().execute(swapping.set_remark(self.table, remark.text))

    def _require_privilege(self) -> None:
        table = self._target.table
        missing = missing_privilege(self.session(), table, self.table.namespace)
        if missing:
            raise WriteError(missing, table=str(table), sqlstate=failures.MISSING_RIGHT)

    def _create(self, *, unique: bool) -> None:
        target = self._target
        session = self.session()
        execute = session.execute
        execute(drop_statement(self.table))
        execute(like_statement(self.table, target.table))
        if target.key and not unique:
            execute(swapping.add_key(self.table, target.key))
        of_target = (quoted_table(target.table),)
        constraints = session.rows(swapping.FOREIGN_KEYS, of_target)
        # otherwise a row without a partition would make the swap fail
        condition = session.value(swapping.PARTITION_CONDITION, of_target)
        if condition:
            partition = f"partition of {target.table.table}"
            constraints.append((partition, f"CHECK ({condition})"))
        for constraint, definition in constraints:
            execute(swapping.add_constraint(self.table, constraint, definition))


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
    rows = connection.rows(swapping.INDEX_PAIRS, both)
    indexes = [(str(copied), str(original)) for copied, original in rows]
    tables = ((str(shadow), str(target)), (shadow.table, target.table))
    longest_first = sorted(indexes, key=lambda pair: len(pair[0]), reverse=True)
    return ShadowNames((*longest_first, *tables), shadow.namespace)
