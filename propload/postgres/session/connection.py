"""A connection to PostgreSQL: the only module that uses the Arrow driver.

Every error is raised as a `ServerError` (or, while connecting, as a `ConfigError`,
`WriteError` or `TransientWriteError`) with the fields that the server sent and without
passwords in its text.
"""

from __future__ import annotations

import contextlib
import secrets
from functools import partial
from typing import TYPE_CHECKING, Literal, Self, TypeVar

import pyarrow as pa
from adbc_driver_manager import dbapi

# it is untyped; what it returns is a connection of the driver manager
from adbc_driver_postgresql.dbapi import (  # type: ignore[import-untyped]
    connect as open_session,
)

from propload.postgres.server.address import hide_libpq_env
from propload.postgres.server.spool import Spool
from propload.postgres.session import failures, session_settings
from propload.postgres.session.arrow_rows import arrow_rows
from propload.postgres.session.cancelling import StatementCanceller
from propload.postgres.session.connect_errors import connect_error, lost_at_once_error
from propload.postgres.session.driver_errors import CANCELLED, ServerError, server_error
from propload.postgres.session.dsn import parse_dsn, resolve_dsn, with_option
from propload.postgres.session.group import SessionGroup
from propload.postgres.session.interruptible import interruptible
from propload.postgres.session.jsonb_columns import JsonbColumns
from propload.postgres.session.lost_sessions import Backend, LostSessions
from propload.postgres.session.slow_answers import (
    warn_if_no_commit,
    warn_if_no_session,
)
from propload.postgres.session.spooling import copy_from_spool
from propload.postgres.session.statements import Statements
from propload.postgres.session.transaction_limit import TransactionLimit
from propload.postgres.sql import ledger, quoting
from propload.postgres.sql.sessions import NAME, begin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl

T = TypeVar("T")

#: The driver encodes a whole record batch in memory before it sends it. 8,192 rows of
#: 20 columns are about 2 MB, and a COPY of many such batches is as fast as of one.
COPY_ROWS = 8_192

#: The driver identifies types by the names of their functions. If the server quotes all
#: identifiers from the start of a session, the driver does not recognize any type.
_PLAIN_NAMES = "-c quote_all_identifiers=off"


class _TypesUnreadError(Exception):
    """The driver did not recognize the server's types, so it returns raw bytes."""


def connect(
    dsn: str,
    /,
    *,
    application_name: str = "propload",
    reconnect: bool = False,
    lost: LostSessions | None = None,
) -> Connection:
    """Return an open connection; each belongs to one thread.

    Args:
        dsn: A connection string; libpq adds what it leaves out.
        application_name: The name that the server shows for the connection, if the user
            gave none.
        reconnect: Whether the string has led to the server before.
        lost: Sessions whose connection broke, which are ended first.

    Raises:
        ConfigError: The string, host, user, password or database is wrong.
        WriteError: It has led to the server before, which no longer admits the user.
        TransientWriteError: The server cannot be reached now.
    """
    complete = resolve_dsn(dsn)
    spool = Spool.find(parse_dsn(complete).get("host", ""))
    group = SessionGroup(dsn, application_name, lost or LostSessions())
    with contextlib.suppress(_TypesUnreadError):
        return _begin_session(
            _open_raw(complete, dsn, reconnect=reconnect), group, spool
        )
    # not tried first, as pgbouncer refuses options
    plain = with_option(complete, _PLAIN_NAMES)
    return _begin_session(_open_raw(plain, dsn, reconnect=reconnect), group, spool)


def _open_raw(complete: str, dsn: str, *, reconnect: bool) -> dbapi.Connection:
    try:
        with hide_libpq_env(complete):
            raw: dbapi.Connection = open_session(complete)
    except dbapi.Error as error:
        raise connect_error(error, dsn, reconnect=reconnect) from error
    return raw


def _begin_session(
    raw: dbapi.Connection, group: SessionGroup, spool: Spool | None
) -> Connection:
    try:
        opened = Connection(raw, group, spool)
        group.lost.end(opened)
    except BaseException as error:
        with group.opening:
            raw.close()
        if isinstance(error, ServerError) and (
            failures.is_transient(error) or error.sqlstate == CANCELLED
        ):
            raise lost_at_once_error(error, f"{group}") from error
        raise
    return opened


def _cancel(raw: dbapi.Connection) -> None:
    with contextlib.suppress(dbapi.Error):
        raw.adbc_cancel()


def _close(raw: dbapi.Connection, group: SessionGroup) -> None:
    with contextlib.suppress(dbapi.Error, RuntimeError), group.opening:
        raw.close()


class Connection(Statements):
    """One session with the server, used by one thread (but see `cancel`).

    A transaction begins with the first statement and ends with `commit` or `rollback`;
    after an error, only `rollback` is of use. A statement takes one round trip, because
    far from the server waiting for an answer takes longer than computing it: the driver
    begins no transactions, binds no values, and does not use COPY for answers, except
    in `batches`.

    Attributes:
        server_version: The version as the server numbers it: 150004 is 15.4.
        token: Identifies the session, to notice that a pooler has moved a transaction
            to another one.
    """

    def __init__(
        self, raw: dbapi.Connection, group: SessionGroup, spool: Spool | None
    ) -> None:
        self._raw = raw
        self._group = group
        self._canceller = StatementCanceller(
            partial(_cancel, raw), partial(_close, raw, group)
        )
        self._jsonb = JsonbColumns()
        self._transaction: Literal["none", "open", "failed"] = "none"
        self._broken = False
        self._limit = TransactionLimit()
        # the driver would otherwise send BEGIN itself, and once more after each COPY
        raw.adbc_connection.set_autocommit(True)
        self.token = secrets.token_hex(8)
        settings = session_settings.SETTINGS | {
            NAME: group.application_name[:63],
            ledger.SESSION: self.token,
        }
        query = begin(settings, session_settings.KEEPALIVE_SETTINGS)
        answer = self.ask(query, tuple(settings.values()))[0]
        self.server_version, reads_files, pid, started, seconds, *_ = answer
        if isinstance(self.server_version, bytes):
            raise _TypesUnreadError
        self._limit = TransactionLimit(seconds)
        self._backend = Backend(pid, started)
        self._spool = spool if reads_files else None

    def __str__(self) -> str:
        """Return the server and database, without the password."""
        return str(self._group)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def clone(self) -> Connection:
        """Return another session with the same server, for another thread.

        It is ten times as fast as `connect`, because the driver has read the server's
        types already. The driver does not know types that were created since.

        Raises:
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        with contextlib.ExitStack() as patience:
            try:
                with self._group.opening, hide_libpq_env(self._group.dsn):
                    # not before: another thread may wait for a dead line, in the lock
                    patience.enter_context(warn_if_no_session(f"{self}"))
                    raw = self._raw.adbc_clone()
            except dbapi.Error as error:
                raise connect_error(error, self._group.dsn, reconnect=True) from error
            return _begin_session(raw, self._group, self._spool)

    def execute(self, sql: str, params: Sequence[object] = ()) -> int | None:
        """Run a statement; return how many rows it changed, or None if not reported.

        Args:
            sql: A statement, or several separated by `;`, of which the rows of the last
                one are counted; `$1`, `$2`, ... stand for the values.
            params: The values.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """
        self._jsonb.note_statement(sql)
        statement = quoting.with_values(sql, params)

        def execute(cursor: dbapi.Cursor) -> int:
            text = statement
            if self._transaction == "none":
                self._transaction = "open"
                text = f"BEGIN;{statement}"
            cursor.executemany(text, None)
            return int(cursor.rowcount)

        count = self._run(execute)
        return count if count >= 0 else None

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query as they arrive, a few megabytes at a time.

        The query must be valid in `COPY (query) TO`. It begins no transaction.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """
        with self._cursor() as cursor:
            cursor.adbc_statement.set_options(**session_settings.READ_OPTIONS)
            cursor.execute(sql)
            yield from cursor.fetch_record_batch()

    def copy(
        self,
        table: str,
        frame: pl.DataFrame,
        /,
        *,
        namespace: str | None = None,
        temporary: bool = False,
    ) -> int:
        """Copy rows into an existing table by one COPY; return how many there were.

        Args:
            table: Its unqualified, unquoted name.
            frame: The rows. Their columns must have the names of the table's columns,
                and types that these accept as they are: neither is checked here.
            namespace: The table's namespace; not with `temporary`.
            temporary: Whether it is a temporary table of this session.

        Raises:
            ServerError: The server refused a row (its `context` names the line,
                counted over the whole frame), or the connection is gone.
        """
        if not frame.height:
            return 0
        place = ("pg_temp" if temporary else namespace, table)
        rows = arrow_rows(frame, self._jsonb.of(self, place, frame))
        if self._spool and copy_from_spool(self, self._spool, place, rows):
            return frame.height
        reader = rows.to_reader(max_chunksize=COPY_ROWS)
        schema_name = None if temporary else namespace
        self._begin()
        return self._run(
            lambda cursor: int(
                cursor.adbc_ingest(
                    table,
                    reader,
                    mode="append",
                    db_schema_name=schema_name,
                    temporary=temporary,
                )
            )
        )

    def commit(self) -> None:
        """Commit the open transaction.

        Raises:
            ServerError: The server refused (a deferred constraint), or the
                connection is gone and the outcome is unknown.
        """
        if self._transaction == "failed":
            # the server would answer COMMIT with ROLLBACK, without an error
            msg = "a statement of this transaction failed: nothing was committed"
            raise ServerError(msg, sqlstate="25P02")
        if self._transaction == "none":
            return
        self._transaction = "none"
        try:
            with warn_if_no_commit(f"{self}", self._backend.pid):
                self._end_by("COMMIT")
        except dbapi.Error as error:
            raise self._server_error(error) from error

    def rollback(self) -> None:
        """Roll back the open transaction; never raises, so the first error is seen."""
        if self._transaction == "none":
            return
        self._transaction = "none"
        try:
            self._end_by("ROLLBACK")
        except dbapi.Error:
            # the connection is gone: the server rolls back, at the latest when it ends
            # the session
            self._broken = True

    def _begin(self) -> None:
        if self._transaction == "none":
            self.execute("")

    def _end_by(self, word: str) -> None:
        """End the transaction by `word`; a request to cancel has no effect on it."""

        def end() -> None:
            with contextlib.closing(self._raw.cursor()) as cursor:
                cursor.executemany(word, None)

        interruptible(end, lambda: None)

    def close(self) -> None:
        """Close the session; what is not committed is rolled back. Never raises."""
        if self._broken and not self.closed:
            self._group.lost.add(self._backend)
        self._canceller.close()

    @property
    def closed(self) -> bool:
        """Whether the session was closed."""
        return self._canceller.closed

    def cancel(self) -> None:
        """Cancel the statement that is running; other threads may call only this."""
        self._canceller.cancel()

    def _ask(
        self,
        sql: str,
        params: Sequence[object],
        take: Callable[[dbapi.Cursor], T],
    ) -> T:
        query = quoting.with_values(sql, params)

        def ask(cursor: dbapi.Cursor) -> T:
            cursor.adbc_statement.set_options(**session_settings.QUERY_OPTIONS)
            cursor.execute(query)
            return take(cursor)

        return self._run(ask)

    def _run(self, work: Callable[[dbapi.Cursor], T]) -> T:
        def run() -> T:
            with self._cursor() as cursor:
                return work(cursor)

        return interruptible(run, self.cancel)

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[dbapi.Cursor]:
        try:
            cursor = self._raw.cursor()
            if self._transaction == "none":
                self._limit.begin()
            self._canceller.begin()
            try:
                yield cursor
            finally:
                self._canceller.end()
                # a failure to close must not mask that of the statement
                with contextlib.suppress(dbapi.Error):
                    cursor.close()
        # reading record batches may raise OSError
        except (dbapi.Error, pa.ArrowException, OSError) as error:
            if self._transaction == "open":
                self._transaction = "failed"
            raise self._server_error(error) from error

    def _server_error(self, error: Exception) -> ServerError:
        result = server_error(error, self._group.dsn, self._limit)
        if result.sqlstate is None:
            # without an answer, the server may not know that the session is lost
            self._broken = True
        return result
