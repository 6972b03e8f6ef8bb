"""The database as a run sees it: tables made ready, writers, and the end."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from propload.config import commands_for
from propload.postgres.ledger.database_ledger import take_over
from propload.postgres.ledger.ledger import taken_over
from propload.postgres.ledger.ledger_file import identity_of, path_of
from propload.postgres.ledger.opening import open_ledger
from propload.postgres.loading_run import LoadingRun
from propload.postgres.prepared_target import PreparedTarget
from propload.postgres.replacing.earlier_shadows import drop_shadow
from propload.postgres.replacing.shadow import read_shadow_names
from propload.postgres.replacing.shadow_rights import foretell_shadow_right
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

    import polars as pl

    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.target import TableName, Target


class Database:
    """A database that a run loads into.

    One thread uses it. Only `connect` is called by lanes as well, each from its own
    thread, and `cancel` by whoever ends the run.

    Args:
        dsn: Its connection string.
        state_dir: The state folder, for the ledger where the database has no
            room for one.
        label: What people call it; host and database by default.

    Attributes:
        label: What it is called in reports; it holds no secret.
    """

    def __init__(self, dsn: str, /, *, state_dir: Path, label: str = "") -> None:
        self.label = label or describe_dsn(dsn)
        self._state_dir = state_dir
        self._sessions = ServerSessions(dsn)
        self._runs: dict[str, LoadingRun] = {}
        #: What the ledgers of runs call this process.
        self._holder = secrets.token_hex(8)
        self._files: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are not a writer's."""
        for run in self._runs.values():
            run.close()
        self._sessions.close()
        for descriptor in self._files.values():
            unlock(descriptor)
        self._files.clear()

    def hold(self, session: Connection, run_id: str, /, *, wait: float) -> bool:
        """Return whether only this process enters pieces of a run from now on.

        The lock of a run goes with its session, which an outage may end unnoticed;
        what is held here another process takes only from one that has ended, or that
        enters nothing more.

        Args:
            session: A session without open work.
            run_id: The run.
            wait: Seconds to wait for transactions that another process has open.

        Raises:
            LockedError: The run still goes on in another process.
        """
        self._hold_file(run_id)
        return take_over(session, run_id, holder=self._holder, wait=wait)

    def connect(self) -> Connection:
        """Return a new connection; lanes call it as well.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server lets the user in no more.
            TransientWriteError: The server cannot be reached now.
        """
        return self._sessions.connect()

    def preconnect(self, sessions: int, /) -> None:
        """Have so many connections opened meanwhile that `connect` is to return.

        Besides them the one that is used for all else.
        """
        self._sessions.preconnect(sessions)

    def cancel(self) -> None:
        """Break off the statements of all sessions; to be called by another thread."""
        self._sessions.cancel()

    def reach(self) -> None:
        """Open a session, where none is.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server lets the user in no more.
            TransientWriteError: The server cannot be reached now.
        """
        with self._asking(self.label):
            pass

    def facts(self, table: TableName, /) -> TableFacts | None:
        """Return what the catalog knows of a table, or None where there is none.

        Raises:
            WriteError: It is a view or the like, or may not be written.
        """
        with self._asking(str(table)) as session:
            return catalog.describe(session, table)

    def require_mode(self, facts: TableFacts, target: Target, /) -> None:
        """Refuse a mode that a table has no room for.

        Raises:
            WriteError: Rows cannot be found by the key, or the mode reaches further
                than the table itself.
        """
        with self._asking(str(facts.name)) as session:
            require_mode(session, facts, target)

    def missing_shadow_right(self, table: TableName, /) -> str:
        """Return what a replace lacks for the table that gathers its rows, or nothing.

        Raises:
            WriteError: The connection is gone.
        """
        with self._asking(str(table)) as session:
            return foretell_shadow_right(session, table)

    def count_rows(self, table: TableName, /) -> int | None:
        """Return how many rows a table holds, None where that cannot be told.

        Of more than `swapping.MOST_COUNTED`, one more than these.

        Raises:
            WriteError: The connection is gone.
        """
        with self._asking(str(table)) as session:
            try:
                return int(session.value(swapping.count_at_most(table)))
            except ServerError as error:
                if failures.is_transient(error):
                    raise
                return None
            finally:
                session.rollback()

    def identity(self) -> str | None:
        """Return what the database is known by under any address, where it says that.

        A copy of the server's files says the same.

        Raises:
            WriteError: The connection is gone.
        """
        with self._asking(self.label) as session:
            return identity_of(session)

    def capacity(self) -> ServerCapacity:
        """Return what the server has left for a run, and how far it is.

        Raises:
            WriteError: The connection is gone.
        """
        with self._asking(self.label) as session:
            return ServerCapacity.of(session)

    @contextmanager
    def lock(self, table: TableName, /, *, wait: float = 0.0) -> Iterator[None]:
        """Hold the lock of a table, in a session of its own.

        Raises:
            LockedError: Another run holds it for longer than `wait` seconds.
        """
        with self.connect() as session, target_lock(session, table, wait=wait):
            yield

    def prepare(
        self,
        target: Target,
        frame_schema: Mapping[str, pl.DataType],
        found: TableFacts | None,
        /,
        *,
        run: RunRecord,
        pg_types: Mapping[str, str] | None = None,
        expected: Callable[[], int | None] | None = None,
    ) -> PreparedTarget:
        """Return the target, made where it is missing, ready to be written.

        Args:
            target: The table and its rules.
            frame_schema: Names and types of the rows.
            found: What `facts` has just told of the table.
            run: The run, entered in the ledger when it is first seen.
            pg_types: PostgreSQL types for columns of a table that is created.
            expected: Returns how many rows the run will have, or None where it
                cannot tell; None where no rows are to be compared here.

        Raises:
            SchemaMismatchError: The rows do not fit the table.
            TableGoneError: The table that rows of the run went into is gone.
            WriteError: The table lacks the key, or a right is missing.
            TransientWriteError: The server cannot be reached now.
        """
        with self._making_ready(target, run) as session:
            self._require_table(run, target, found)
            facts = ensure_table(session, target, frame_schema, found, pg_types or {})
            fit = plan_rows(frame_schema, facts, target)
            # another session may have made or changed the table in between
            fit.require_fit()
            opened = self._open_run(run.into(facts))
            table = opened.table_to_fill(target, facts)
            opened.note_columns(fit.columns)
            shape = shape_of(
                facts,
                target,
                fit.columns,
                version=session.server_version,
                table=table,
                shadow_names=read_shadow_names(session, table, target.table),
            )
            session.commit()
            empty = facts.empty or target.mode == "replace"
            return PreparedTarget(
                opened,
                fit,
                shape,
                empty=empty,
                # of a shadow, which nobody else writes, nothing is looked at again
                assumptions=facts.assumptions if table == target.table else None,
                stored=opened.stored_rows(shape, None if empty else expected),
            )

    @contextmanager
    def _making_ready(self, target: Target, run: RunRecord) -> Iterator[Connection]:
        doing = "table and ledger were prepared"
        with self._asking(str(target.table), doing) as session:
            try:
                yield session
            except ServerError:
                if run.run_id in self._runs:
                    self._runs[run.run_id].close()
                raise

    def enter(self, run: RunRecord, /) -> LoadingRun:
        """Return a run that is entered in its ledger, for batches without a row.

        A run that is entered already stays as it is: its ledger knows of its table,
        which this record does not.

        Raises:
            WriteError: The server refused.
            TransientWriteError: The server cannot be reached now.
            LockedError: Another process has gone on with the run.
        """
        opened = self._runs.get(run.run_id)
        if opened is not None:
            return opened
        with self._asking(run.target, "the run was recorded in the ledger"):
            return self._open_run(run)

    def end_run(
        self, run: RunRecord, target: Target, /, *, status: str, continued: bool
    ) -> tuple[str, ...]:
        """Let table and ledger know of a run's end; return what a report says of it.

        Only the first call counts.

        Args:
            run: The run.
            target: The table and its rules.
            status: How it ended; a replace takes effect where it `loaded`.
            continued: Whether an earlier process of the run may have written rows: it
                has an end then, also where this one wrote none.

        Raises:
            WriteError: The server refused; a table that was to be replaced holds
                what it held.
        """
        opened = self._runs.get(run.run_id)
        if opened is None and not continued:
            return ()
        if opened is None or not opened.is_filling:
            opened = self._found_again(run, target, status)
        opened.end(status, self._sessions.living())
        return opened.end_notes

    def _found_again(self, run: RunRecord, target: Target, status: str) -> LoadingRun:
        """Return a run that wrote no row in this process, with what it had gathered."""
        with self._asking(run.target, "the end of the run was recorded") as session:
            facts = catalog.describe(session, target.table)
            # its ledger knows more of the run than this record where it is entered
            opened = self._runs.get(run.run_id) or self._open_run(run)
            opened.take_up(session, target, facts, status=status)
        return opened

    def drop_gathered(self, run_id: str, target: str, /) -> None:
        """Drop what a replace had gathered for its table.

        Args:
            run_id: The run.
            target: The qualified table.

        Raises:
            TransientWriteError: The server cannot be reached now.
        """
        with self._asking(target, "what was gathered for it was dropped") as session:
            drop_shadow(session, run_id, target)

    @contextmanager
    def _asking(
        self, table: str, doing: str = "the server was asked about it"
    ) -> Iterator[Connection]:
        """Yield the session for all but rows; after an error another one is opened.

        Args:
            table: The table, as messages name it.
            doing: What is done meanwhile, for messages.
        """
        try:
            yield self._sessions.first()
        except ServerError as error:
            self._sessions.lose_first()
            raise failures.as_write_error(error, table=table, doing=doing) from error

    def _require_table(
        self, run: RunRecord, target: Target, found: TableFacts | None
    ) -> None:
        """Refuse to make a table again that rows of the run are meant for."""
        opened = self._runs.get(run.run_id)
        if opened is None and found is None and run.table_oid is not None:
            opened = self._open_run(run)
        if opened is not None:
            opened.require_table(self._sessions.first(), target, found)

    def _open_run(self, run: RunRecord) -> LoadingRun:
        session = self._sessions.first()
        if run.run_id not in self._runs:
            ledger = open_ledger(session, run, self._state_dir, holder=self._holder)
            commands = commands_for(self._state_dir)
            opened = LoadingRun(run, ledger, commands, connect=self.connect)
            self._runs[run.run_id] = opened
            self._hold_file(run.run_id)
        opened = self._runs[run.run_id]
        opened.describe(session, run)
        return opened

    def _hold_file(self, run_id: str) -> None:
        path = path_of(self._state_dir, run_id)
        if run_id in self._files or not path.exists():
            return
        try:
            self._files[run_id] = lock_file(path)
        except BlockingIOError as error:
            raise taken_over(run_id) from error
