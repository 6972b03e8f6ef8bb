"""A piece is entered in the ledger in the same transaction as its rows."""

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
    target_with,
)
from tests.integration.reading import query, run_sql
from tests.integration.users import user_without_rights

pytestmark = pytest.mark.timeout(60)


def test_each_piece_and_the_end_of_the_run_are_entered(database, state_dir):
    target = target_with()
    run = run_record(target)
    with prepared(database, target, ROWS, state_dir, run=run) as ready:
        with closing(ready.open_writer(0)) as writer:
            writer.write(make_piece(ROWS, 0, key=target.key))
            writer.write(make_piece(ROWS, 1, key=target.key))
            writer.write(make_piece(ROWS.head(0), 2, key=target.key))
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


def test_refused_rows_are_handed_over_before_the_commit(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text CHECK (v <> 'b'))")
    target = target_with()
    calls = []

    def keep(piece, reasons):
        stored = query(database, "SELECT count(*) FROM t")[0][0]
        calls.append((piece.batch, reasons[ROW].to_list(), stored))

    with (
        prepared(database, target, ROWS, state_dir) as ready,
        closing(ready.open_writer(0, on_refused=keep)) as writer,
    ):
        writer.write(make_piece(ROWS, key=target.key))
        with connect(database) as session:
            assert ready.ledger.committed(session) == [entry(0, 1, rejected=1)]
    assert calls == [(0, [1], 0)]


def test_error_that_no_row_caused_fails_the_piece(database, state_dir):
    target = target_with()
    with (
        prepared(database, target, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        run_sql(database, "ALTER TABLE t DROP COLUMN v")
        with pytest.raises(WriteError, match=r"public\.t") as raised:
            writer.write(make_piece(ROWS, 3, key=target.key))
    assert not isinstance(raised.value, TransientWriteError)
    assert raised.value.batch == 3


def test_session_tolerates_a_ledger_created_since_it_looked(database):
    with connect(database) as slow, connect(database) as quick:
        # the server caches that this session found no schema
        assert not slow.value(ledger.ACCESS)
        assert ledger_module.make_ledger(quick)
        ledger_module._make(slow, ledger.CREATE_SCHEMA)
        slow.commit()
        assert slow.value(ledger.ACCESS)


def test_ledger_is_created_in_a_schema_prepared_for_the_user(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    target = target_with(key=(), mode="append")
    with user_without_rights(database) as dsn:
        run_sql(
            database,
            "CREATE SCHEMA propload",
            "GRANT USAGE, CREATE ON SCHEMA propload TO propload_limited",
        )
        with (
            prepared(dsn, target, ROWS, state_dir) as ready,
            closing(ready.open_writer(0)) as writer,
        ):
            writer.write(make_piece(ROWS))
        assert query(database, "SELECT count(*) FROM propload.ledger") == [(1,)]


def test_batch_without_readable_rows_keeps_the_noted_table_and_columns(
    database, state_dir
):
    target = target_with()
    run = run_record(target)
    with Database(database, state_dir=state_dir) as opened:
        opened.prepare(target, ROWS.schema, opened.facts(target.table), run=run)
        opened.enter(run)
        with opened.connect() as session:
            found = find_run(session, state_dir, run.run_id)
    assert found.table_oid is not None
    assert found.columns is not None
