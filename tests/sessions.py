"""Sessions of tests with the databases that they have in turn.

What the driver reads of a server's types before it gives a session is a third of what a
short load costs. One session of each database lends it to the others.
"""

from __future__ import annotations

import contextlib
import threading

import adbc_driver_postgresql.dbapi

from propload.postgres.session import connection
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import resolve_dsn

#: By connection string: sessions that lend what the driver read of a server's types.
_lenders = {}
_lending = threading.Lock()
#: The name by which the server knows such a session.
LENDER = "lender"
#: Tells types apart from those that the driver has read: their arrays and the rows of
#: tables, which nobody reads as one value, are left out.
TYPES = """
SELECT count(*), max(t.oid::int8)
FROM pg_catalog.pg_type AS t
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
WHERE t.typelem = 0 AND coalesce(c.relkind, 'c') = 'c'
"""


class Lender:
    """A session that lends what the driver knows, where it is all there is to know."""

    def __init__(self, dsn):
        self._dsn = dsn
        self._using = threading.Lock()
        self._connect()

    def _connect(self):
        self.session = connect(self._dsn, application_name=LENDER)
        self._types = self.session.rows(TYPES)
        self.session.rollback()

    def open(self):
        """Return the driver's own session, or None where a test has made types."""
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
        """Give this session itself, or another one where it is in use."""
        if not self._using.acquire(blocking=False):
            with self.session.sibling() as session:
                yield session
            return
        try:
            self._require_life()
            try:
                yield self.session
            finally:
                self.session.rollback()
        finally:
            self._using.release()

    def _require_life(self):
        try:
            self.session.rows("SELECT 1")
        except ServerError:  # a test has ended it
            self._connect()


def lend(dsn):
    """Let sessions with a database open at a tenth of their cost."""
    connection.open_session = _open_session
    _lenders[resolve_dsn(dsn)] = Lender(dsn)


def forget(dsn):
    """Open sessions with a database as everyone does, from now on."""
    # threads of a load that was given up may still have one of it open
    with contextlib.suppress(Exception):
        _lenders.pop(resolve_dsn(dsn)).session.close()


def short_session(dsn):
    """Give a session that knows the server's own types, and none that a test made.

    To read those, or what is set for new sessions, `connect`. What is not committed is
    undone.
    """
    lender = _lenders.get(resolve_dsn(dsn))
    return lender.short_session() if lender else connect(dsn)


def _open_session(complete):
    lender = _lenders.get(complete)
    lent = lender.open() if lender else None
    return lent or adbc_driver_postgresql.dbapi.connect(complete)
