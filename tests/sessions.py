"""Make sessions with test databases cheap to open.

Before the driver opens a session, it reads the server's types, which takes a third of
the time of a short load. One session per database lends what it has read to the others.
"""

from __future__ import annotations

import contextlib
import threading

import adbc_driver_postgresql.dbapi

from propload.postgres.session import connection
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import resolve_dsn

#: Sessions that lend the types that the driver has read, by connection string.
_lenders = {}
_lending = threading.Lock()
#: The application name of such a session.
LENDER = "lender"
#: A query whose result changes if types are created after the driver has read them.
#: Arrays and the row types of tables are not counted: no test reads them as one value.
TYPES = """
SELECT count(*), max(t.oid::int8)
FROM pg_catalog.pg_type AS t
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
WHERE t.typelem = 0 AND coalesce(c.relkind, 'c') = 'c'
"""
#: Sessions of this database that wait for the lock of another run: what they asked last
#: is whether it is free, and they hold none.
WAITING_FOR_A_RUN = """
SELECT pid FROM pg_stat_activity AS a
WHERE query LIKE 'SELECT pg_try_advisory_lock%' AND datname = current_database()
  AND NOT EXISTS (SELECT FROM pg_locks AS l
                  WHERE l.pid = a.pid AND l.locktype = 'advisory')"""


class Lender:
    """A session that lends the types known to the driver, while these are complete."""

    def __init__(self, dsn):
        self._dsn = dsn
        self._using = threading.Lock()
        self._connect()

    def _connect(self):
        self.session = connect(self._dsn, application_name=LENDER)
        self._types = self.session.rows(TYPES)
        self.session.rollback()

    def open(self):
        """Return a new session of the driver, or None if a test has created types."""
        with _lending:
            raw = self.session._raw.adbc_clone()
        try:
            with raw.cursor() as cursor:
                cursor.execute(TYPES)
                if cursor.fetchall() == self._types:
                    raw.rollback()
                    return raw
        except BaseException:
            raw.close()
            raise
        raw.close()
        return None

    @contextlib.contextmanager
    def short_session(self):
        """Yield this session itself, or another one if it is in use."""
        if not self._using.acquire(blocking=False):
            with self.session.clone() as session:
                yield session
            return
        try:
            self._reconnect_if_ended()
            try:
                yield self.session
            finally:
                self.session.rollback()
        finally:
            self._using.release()

    def _reconnect_if_ended(self):
        try:
            self.session.rows("SELECT 1")
        except ServerError:  # a test has ended it
            self._connect()


def lend(dsn):
    """Let sessions with a database be opened in a tenth of the usual time."""
    connection.open_session = _open_session
    _lenders[resolve_dsn(dsn)] = Lender(dsn)


def forget(dsn):
    """Open sessions with a database in the usual way from now on."""
    # threads of an abandoned load may still have a session open
    with contextlib.suppress(Exception):
        _lenders.pop(resolve_dsn(dsn)).session.close()


def short_session(dsn):
    """Return a context manager for a session that knows only the server's own types.

    Use `connect` to read types that a test created, or settings for new sessions. What
    is not committed is rolled back.
    """
    lender = _lenders.get(resolve_dsn(dsn))
    return lender.short_session() if lender else connect(dsn)


def _open_session(complete):
    lender = _lenders.get(complete)
    lent = lender.open() if lender else None
    return lent or adbc_driver_postgresql.dbapi.connect(complete)
