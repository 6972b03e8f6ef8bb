"""The database as a run sees it: prepare tables, open writers, end the run."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from propload.config import commands_for
from propload.postgres.ledger.database_ledger import take_over
from propload.postgres.ledger.ledger import taken_over_error
from propload.postgres.ledger.ledger_file import identity_of, path_of
from propload.postgres.ledger.opening import open_ledger
from propload.postgres.loading_run import LoadingRun
from propload.postgres.prepared_target import PreparedTarget
from propload.postgres.replacing.earlier_shadows import drop_shadow
from propload.postgres.replacing.shadow import read_shadow_names
from propload.postgres.replacing.shadow_rights import predict_missing_privilege
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import describe_dsn
from propload.postgres.session.locking import target_lock
from propload.postgres.session.server_capacity import ServerCapacity
from propload.postgres.session.server_sessions import ServerSessions
from propload.postgres.sql import swapping
from propload.postgres.tables import catalog
from propload.postgres.tables.creating import ensure_table
from propload.postgres.tables.modes import require_mode
from propload.postgres.tables.row_plan import plan_rows
from propload.postgres.tables.shaping import shape_of
from propload.private_files import lock_file, unlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from threading import Event

    import polars as pl

    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.target import TableName, Target


class Database:
    """A database that a run loads into.

    It is used by one thread, except that each lane calls `connect` from its own thread,
    and whoever ends the run calls `cancel`.

    Args:
        dsn: Its connection string.
        state_dir: The state folder, which holds the ledger if the database cannot.
        label: Its name in reports; by default, its host and database.

    Attributes:
        label: Its name in reports, without secrets.
    """

    def __init__(self, dsn: str, /, *, state_dir: Path, label: str = "") -> None:
        self.label = label or describe_dsn(dsn)
        self._state_dir = state_dir
        self._sessions = ServerSessions(dsn)
        self._runs: dict[str, LoadingRun] = {}
        #: The name of this process in the ledgers of runs.
        self._holder = secrets.token_hex(8)
        self._ledger_locks: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections except those of writers, and unlock ledger files."""
        for run in self._runs.values():
            run.close()
        self._sessions.close()
        for descriptor in self._ledger_locks.values():
            unlock(descriptor)
        self._ledger_locks.clear()

    def hold(self, session: Connection, run_id: str, /, *, wait: float) -> bool:
        """Return whether only this process can enter pieces of a run from now on.

        The advisory lock of a run is lost with its session, which an outage may end
        unnoticed. A hold does not depend on sessions: the run's row in the ledger names
        the only process that may enter pieces, and a ledger file stays locked until
        its process closes it or ends.

        Args:
            session: A session without an open transaction.
            run_id: The run.
            wait: Seconds to wait for the open transactions of another process.

        Raises:
            LockedError: The run is still active in another process.
        """
        self._lock_ledger_file(run_id)
        return take_over(session, run_id, holder=self._holder, wait=wait)

    def connect(self) -> Connection:
        """Return a new connection; lanes call it as well.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        return self._sessions.connect()

    def preconnect(self, sessions: int, /) -> None:
        """Open connections in the background, for `connect` to return later.

        Args:
            sessions: How many, besides the one that is used for everything else.
        """
        self._sessions.preconnect(sessions)

    def cancel(self) -> None:
        """Cancel the statements of all sessions; call it from another thread."""
        self._sessions.cancel()

    def reach(self) -> None:
        """Open the run's own session unless it is open already.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        with self._control_session(self.label):
            pass

    def facts(self, table: TableName, /) -> TableFacts | None:
        """Return what the catalog knows of a table, or None if it does not exist.

        Raises:
            WriteError: It is a view or the like, or this user may not write it.
        """
        with self._control_session(str(table)) as session:
            return catalog.describe(session, table)

    def require_mode(self, facts: TableFacts, target: Target, /) -> None:
        """Raise if a table does not permit the target's mode.

        Raises:
            WriteError: Rows cannot be found by the key, or the mode would affect more
                than the table itself.
        """
        with self._control_session(str(facts.name)) as session:
            require_mode(session, facts, target)

    def missing_shadow_right(self, table: TableName, /) -> str:
        """Return which right a replace lacks to create its shadow, or an empty string.

        Raises:
            WriteError: The connection is gone.
        """
        with self._control_session(str(table)) as session:
            return predict_missing_privilege(session, table)

    def count_rows(self, table: TableName, /) -> int | None:
        """Return how many rows a table holds, or None if the server refuses to count.

        It counts at most `swapping.MOST_COUNTED` + 1 rows.

        Raises:
            WriteError: The connection is gone.
        """
        with self._control_session(str(table)) as session:
            try:
                return int(session.value(swapping.count_at_most(table)))
            except ServerError as error:
                if failures.is_transient(error):
                    raise
                return None
            finally:
                session.rollback()

    def identity(self) -> str | None:
        """Return an identifier that does not depend on the address, or None.

        It is None if this user may not ask for it. A copy of the server's files has the
        same identifier.

        Raises:
            WriteError: The connection is gone.
        """
        with self._control_session(self.label) as session:
            return identity_of(session)

    def capacity(self) -> ServerCapacity:
        """Return what the server has left for a run, and how far away it is.

        Raises:
            WriteError: The connection is gone.
        """
        with self._control_session(self.label) as session:
            return ServerCapacity.of(session)

    @contextmanager
    def lock(
        self, table: TableName, /, *, wait: float = 0.0, stop: Event | None = None
    ) -> Iterator[None]:
        """Hold the lock of a table in a session of its own, as `target_lock` does."""
        session = self.connect()
        with session, target_lock(session, table, wait=wait, stop=stop):
            yield

    def prepare(
        self,
        target: Target,
        frame_schema: Mapping[str, pl.DataType],
        existing: TableFacts | None,
        /,
        *,
        run: RunRecord,
        pg_types: Mapping[str, str] | None = None,
        expected: Callable[[], int | None] | None = None,
    ) -> PreparedTarget:
        """Return the target ready to be written; create the table if it is missing.

        Args:
            target: The table and its rules.
            frame_schema: The names and types of the rows' columns.
            existing: What `facts` has just returned for the table.
            run: The run; it is entered in the ledger when it is first seen.
            pg_types: PostgreSQL types for columns that are created.
            expected: Returns how many rows the run will have, or None if that is not
                known. If `expected` itself is None, incoming rows are not compared with
                stored ones here.

        Raises:
            SchemaMismatchError: The rows do not fit the table.
            TableGoneError: The table that rows of the run went into is gone.
            WriteError: The table lacks the key, or a right is missing.
            TransientWriteError: The server cannot be reached now.
        """
        with self._preparation(target, run) as session:
            self._require_table(run, target, existing)
            facts = ensure_table(
                session, target, frame_schema, existing, pg_types or {}
            )
            row_plan = plan_rows(frame_schema, facts, target)
            # another session may have created or changed the table in between
            row_plan.require_fit()
            loading_run = self._open_run(run.with_table(facts))
            table = loading_run.table_to_fill(target, facts)
            loading_run.note_columns(row_plan.columns)
            shape = shape_of(
                facts,
                target,
                row_plan.columns,
                version=session.server_version,
                table=table,
                shadow_names=read_shadow_names(session, table, target.table),
            )
            session.commit()
            empty = facts.empty or target.mode == "replace"
            return PreparedTarget(
                loading_run,
                row_plan,
                shape,
                empty=empty,
                # nobody else writes a shadow, so it need not be examined again
                assumptions=facts.assumptions if table == target.table else None,
                stored=loading_run.stored_rows(shape, None if empty else expected),
            )

    @contextmanager
    def _preparation(self, target: Target, run: RunRecord) -> Iterator[Connection]:
        doing = "table and ledger were prepared"
        with self._control_session(str(target.table), doing) as session:
            try:
                yield session
            except ServerError:
                if run.run_id in self._runs:
                    self._runs[run.run_id].close()
                raise

    def enter(self, run: RunRecord, /) -> LoadingRun:
        """Return the run, entered in its ledger, for batches without rows.

        If it is entered already, its entry is left alone: unlike this record, it names
        the run's table.

        Raises:
            WriteError: The server refused.
            TransientWriteError: The server cannot be reached now.
            LockedError: Another process has taken over the run.
        """
        loading_run = self._runs.get(run.run_id)
        if loading_run is not None:
            return loading_run
        with self._control_session(run.target, "the run was recorded in the ledger"):
            return self._open_run(run)

    def end_run(
        self, run: RunRecord, target: Target, /, *, status: str, continued: bool
    ) -> tuple[str, ...]:
        """Record the end of a run in table and ledger; return notes for its report.

        Only the first successful call has an effect.

        Args:
            run: The run.
            target: The table and its rules.
            status: How it ended; a replace takes effect if this is `loaded`.
            continued: Whether an earlier process of the run may have written rows: its
                end is then recorded even if this process wrote none.

        Raises:
            WriteError: The server refused; a table that was to be replaced keeps its
                rows.
        """
        loading_run = self._runs.get(run.run_id)
        if loading_run is None and not continued:
            return ()
        if loading_run is None or not loading_run.is_filling:
            loading_run = self._restore_run(run, target, status)
        loading_run.end(status, self._sessions.live_control())
        return loading_run.end_notes

    def _restore_run(self, run: RunRecord, target: Target, status: str) -> LoadingRun:
        """Return a run that wrote no row in this process, with its earlier shadow."""
        with self._control_session(
            run.target, "the end of the run was recorded"
        ) as session:
            facts = catalog.describe(session, target.table)
            # if it is open already, its ledger knows more of it than this record
            loading_run = self._runs.get(run.run_id) or self._open_run(run)
            loading_run.restore_state(session, target, facts, status=status)
        return loading_run

    def drop_gathered(self, run_id: str, target: str, /) -> None:
        """Drop the shadow in which a replace gathered rows for its table.

        Args:
            run_id: The run.
            target: The qualified name of the table.

        Raises:
            TransientWriteError: The server cannot be reached now.
        """
        with self._control_session(
            target, "what was gathered for it was dropped"
        ) as session:
            drop_shadow(session, run_id, target)

    @contextmanager
    def _control_session(
        self, table: str, doing: str = "the server was asked about it"
    ) -> Iterator[Connection]:
        """Yield the session for everything but rows; discard it after an error.

        Args:
            table: The table, as messages name it.
            doing: What was being done, for messages.
        """
        try:
            yield self._sessions.control()
        except ServerError as error:
            self._sessions.discard_control()
            raise failures.as_write_error(error, table=table, doing=doing) from error

    def _require_table(
        self, run: RunRecord, target: Target, existing: TableFacts | None
    ) -> None:
        """Raise if the table that rows of the run went into is gone."""
        loading_run = self._runs.get(run.run_id)
        if loading_run is None and existing is None and run.table_oid is not None:
            loading_run = self._open_run(run)
        if loading_run is not None:
            loading_run.require_table(self._sessions.control(), target, existing)

    def _open_run(self, run: RunRecord) -> LoadingRun:
        session = self._sessions.control()
        if run.run_id not in self._runs:
            ledger = open_ledger(session, run, self._state_dir, holder=self._holder)
            commands = commands_for(self._state_dir)
            loading_run = LoadingRun(run, ledger, commands, connect=self.connect)
            self._runs[run.run_id] = loading_run
            self._lock_ledger_file(run.run_id)
        loading_run = self._runs[run.run_id]
        loading_run.enter_settings(session, run)
        return loading_run

    def _lock_ledger_file(self, run_id: str) -> None:
        path = path_of(self._state_dir, run_id)
        if run_id in self._ledger_locks or not path.exists():
            return
        try:
            self._ledger_locks[run_id] = lock_file(path)
        except BlockingIOError as error:
            raise taken_over_error(run_id) from error
