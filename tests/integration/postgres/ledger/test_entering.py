"""Pieces are entered with their rows, in the same transaction."""

from __future__ import annotations

from contextlib import closing

import pytest

from propload.batch import ROW
from propload.errors import TransientWriteError, WriteError
from propload.postgres.database import Database
from propload.postgres.ledger import database_ledger as ledger_module
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.history import find_run
from propload.postgres.session.connection import connect
from propload.postgres.sql import ledger
from propload.report import Counts
from tests.integration.postgres.ledger.appending import ROWS, entry
from tests.integration.postgres.writing import (
    end,
    make_piece,
    prepared,
    run_record,
    target,
)
from tests.integration.reading import query, run_sql
from tests.integration.users import user_without_rights

pytestmark = pytest.mark.timeout(60)


def test_each_piece_is_entered_and_the_run_has_an_end(database, state_dir):
    goal = target()
    run = run_record(goal)
    with prepared(database, goal, ROWS, state_dir, run=run) as ready:
        with closing(ready.open_writer(0)) as writer:
            writer.write(make_piece(ROWS, 0, key=goal.key))
            writer.write(make_piece(ROWS, 1, key=goal.key))
            writer.write(make_piece(ROWS.head(0), 2, key=goal.key))
        with connect(database) as session:
            entries = ready.ledger.committed(session)
        end(ready)
        end(ready, "failed")
    assert entries == [
        entry(0, 2),
        LedgerEntry(1, 0, 0, 2, Counts(2, unchanged=2)),
        entry(2, 0),
    ]
    assert query(database, "SELECT status FROM propload.runs") == [("loaded",)]


def test_refused_rows_are_kept_before_the_commit(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text CHECK (v <> 'b'))")
    goal = target()
    heard = []

    def keep(piece, reasons):
        stored = query(database, "SELECT count(*) FROM t")[0][0]
        heard.append((piece.batch, reasons[ROW].to_list(), stored))

    with (
        prepared(database, goal, ROWS, state_dir) as ready,
        closing(ready.open_writer(0, on_refused=keep)) as writer,
    ):
        writer.write(make_piece(ROWS, key=goal.key))
        with connect(database) as session:
            assert ready.ledger.committed(session) == [entry(0, 1, rejected=1)]
    assert heard == [(0, [1], 0)]


def test_an_error_that_no_row_is_to_blame_for_stops_the_piece(database, state_dir):
    goal = target()
    with (
        prepared(database, goal, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        run_sql(database, "ALTER TABLE t DROP COLUMN v")
        with pytest.raises(WriteError, match=r"public\.t") as raised:
            writer.write(make_piece(ROWS, 3, key=goal.key))
    assert not isinstance(raised.value, TransientWriteError)
    assert raised.value.batch == 3


def test_a_session_that_remembers_no_schema_meets_one_just_made(database):
    with connect(database) as slow, connect(database) as quick:
        # the server keeps what a session has looked up in vain
        assert not slow.value(ledger.ACCESS)
        assert ledger_module.make_ledger(quick)
        ledger_module._make(slow, ledger.CREATE_SCHEMA)
        slow.commit()
        assert slow.value(ledger.ACCESS)


def test_a_schema_that_was_made_for_the_user_holds_the_ledger(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    goal = target(key=(), mode="append")
    with user_without_rights(database) as dsn:
        run_sql(
            database,
            "CREATE SCHEMA propload",
            "GRANT USAGE, CREATE ON SCHEMA propload TO propload_limited",
        )
        with (
            prepared(dsn, goal, ROWS, state_dir) as ready,
            closing(ready.open_writer(0)) as writer,
        ):
            writer.write(make_piece(ROWS))
        assert query(database, "SELECT count(*) FROM propload.ledger") == [(1,)]


def test_a_batch_without_a_readable_row_leaves_what_the_ledger_knows_of_the_table(
    database, state_dir
):
    goal = target()
    run = run_record(goal)
    with Database(database, state_dir=state_dir) as opened:
        opened.prepare(goal, ROWS.schema, opened.facts(goal.table), run=run)
        opened.enter(run)
        with opened.connect() as session:
            found = find_run(session, state_dir, run.run_id)
    assert found.table_oid is not None
    assert found.columns is not None
