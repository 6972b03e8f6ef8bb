"""Append pieces with a ledger, and simulate commits whose answer is lost."""

from __future__ import annotations

from contextlib import closing, contextmanager

import polars as pl

from propload.postgres.ledger.database_ledger import DatabaseLedger
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.session.driver_errors import ServerError
from propload.report import Counts
from tests.integration.postgres.writing import (
    prepared,
    target_with,
)
from tests.integration.reading import run_sql
from tests.integration.users import user_without_rights

ROWS = pl.DataFrame({"k": [1, 2], "v": ["a", "b"]})


def entry(batch, inserted, *, rejected=0):
    read = inserted + rejected
    return LedgerEntry(batch, 0, 0, read, Counts(read, inserted, rejected=rejected))


def break_commit(writer, *, committed, commits_before=0):
    """Break the connection at one commit, before or after it takes effect."""
    session = writer._session.open()
    commit = session.commit
    commits = [commit] * commits_before

    def break_at_commit():
        if commits:
            commits.pop()()
            return
        session.commit = commit
        if committed:
            commit()
        session.close()
        error = ServerError("the line broke")
        error.status = "IO"
        raise error

    session.commit = break_at_commit


@contextmanager
def appending(database, state_dir, *, limited):
    """Yield a prepared target and a writer that append to the table `t`.

    With `limited`, the user may not create a ledger in the database, so that it is kept
    in a file.
    """
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    target = target_with(key=(), mode="append")
    with user_without_rights(database) as limited_dsn:
        dsn = limited_dsn if limited else database
        with (
            prepared(dsn, target, ROWS, state_dir) as ready,
            closing(ready.open_writer(0)) as writer,
        ):
            ledger_class = FileLedger if limited else DatabaseLedger
            assert isinstance(ready.ledger, ledger_class)
            assert bool(ready.notes) == limited
            yield ready, writer
