"""Short sessions of tests with the databases that they have in turn."""

from __future__ import annotations

from propload.postgres.session.connection import connect

#: By connection string: sessions that lend what the driver read of a server's types.
_lenders = {}


def lend(dsn):
    """Let `short_session` open sessions with a database at a tenth of their cost."""
    _lenders[dsn] = connect(dsn, application_name="lender")


def forget(dsn):
    """Open sessions with a database as everyone does, from now on."""
    _lenders.pop(dsn).close()


def short_session(dsn):
    """Open a session that knows the server's own types, and none that a test made.

    To read those, `connect`.
    """
    lender = _lenders.get(dsn)
    return lender.sibling() if lender else connect(dsn)
