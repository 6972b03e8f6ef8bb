"""A lost answer to a commit neither loses nor duplicates a row."""

from __future__ import annotations

import logging
import threading
from contextlib import closing

import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import TransientWriteError, WriteError
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from tests.faults.server import wait_until
from tests.integration.postgres.ledger.appending import (
    ROWS,
    appending,
    break_commit,
    entry,
)
from tests.integration.postgres.writing import (
    counts,
    make_piece,
    prepared,
    target_with,
)
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)


def test_rows_refused_by_an_undone_attempt_are_withdrawn_before_commit(
    database, state_dir
):
    run_sql(
        database,
        "CREATE TABLE known (v text PRIMARY KEY)",
        "INSERT INTO known VALUES ('a')",
        "CREATE TABLE t (k bigint, v text REFERENCES known)",
    )
    target = target_with(key=(), mode="append")
    calls = []

    def keep(piece, reasons):
        stored = query(database, "SELECT count(*) FROM t")[0][0]
        calls.append((piece.batch, reasons[ROW].to_list(), stored))

    with (
        prepared(database, target, ROWS, state_dir) as ready,
        closing(ready.open_writer(0, on_refused=keep)) as writer,
    ):
        # the first commit is that of the stage, which is created upon the refusal
        break_commit(writer, committed=False, commits_before=1)
        with pytest.raises(TransientWriteError):
            writer.write(make_piece(ROWS))
        run_sql(database, "INSERT INTO known VALUES ('b')")
        assert counts([writer.write(make_piece(ROWS))]) == [(2, 0, 0, 0)]
        # a piece of which no row was ever refused makes no call
        writer.write(make_piece(ROWS, 1))
    assert calls == [(0, [1], 0), (0, [], 0)]


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("limited", [True, False])
def test_piece_whose_answer_was_lost_is_written_exactly_once(
    database, state_dir, caplog, committed, limited
):
    caplog.set_level(logging.INFO)
    with appending(database, state_dir, limited=limited) as (ready, writer):
        piece = make_piece(ROWS)
        break_commit(writer, committed=committed)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        assert counts([writer.write(piece)]) == [(2, 0, 0, 0)]
        with connect(database) as session:
            assert ready.ledger.committed(session) == [entry(0, 2)]
    assert query(database, "SELECT count(*) FROM t") == [(2,)]
    said = "public.t, batch 0 was committed before the line broke"
    assert (said in caplog.messages) is committed


def test_undone_commit_is_not_mistaken_for_a_completed_one(database, state_dir):
    # the target has the ledger's own name, and so has its primary key
    run_sql(database, "CREATE TABLE ledger (k bigint PRIMARY KEY, v text)")
    target = target_with("ledger")
    with (
        prepared(database, target, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        piece = make_piece(ROWS, key=target.key)
        break_commit(writer, committed=False)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        run_sql(database, "INSERT INTO ledger VALUES (2, 'another session')")
        assert counts([writer.write(piece)]) == [(1, 1, 0, 0)]
    assert query(database, "SELECT k, v FROM ledger ORDER BY k") == ROWS.rows()


def test_commit_that_takes_effect_late_is_noticed_by_the_retry(database, state_dir):
    with appending(database, state_dir, limited=False) as (_, writer):
        piece = make_piece(ROWS)
        first = writer._session.open()
        commit = first.commit

        def break_line():
            writer._session.connection = None
            error = ServerError("the line broke")
            error.status = "IO"
            raise error

        def commit_once_waited_for():
            blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
            wait_until(lambda: query(database, blocked))
            commit()

        first.commit, first.rollback = break_line, lambda: None
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        # the server ends the first attempt when the second one meets its entry
        ending = threading.Thread(target=commit_once_waited_for)
        ending.start()
        assert counts([writer.write(piece)]) == [(2, 0, 0, 0)]
        ending.join(30)
        first.close()
    assert query(database, "SELECT count(*) FROM t") == [(2,)]


def test_writer_reconnects_after_its_backend_was_killed(database, state_dir):
    target = target_with()
    with (
        prepared(database, target, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(ROWS, 0, key=target.key))
        number = writer._session.open().value("SELECT pg_backend_pid()")
        writer._session.open().commit()
        query(database, f"SELECT pg_terminate_backend({number}, 5000)")
        changed = ROWS.with_columns(v=pl.lit("c"))
        piece = make_piece(changed, 1, key=target.key)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        assert counts([writer.write(piece)]) == [(0, 2, 0, 0)]


@pytest.mark.parametrize("limited", [True, False])
def test_transaction_moved_to_another_session_by_a_pooler_fails(
    database, state_dir, limited
):
    with appending(database, state_dir, limited=limited) as (_, writer):
        session = writer._session.open()
        session.execute("SELECT set_config('propload.session', 'another', false)")
        session.commit()
        with pytest.raises(WriteError, match="pooler in transaction mode"):
            writer.write(make_piece(ROWS))
    assert query(database, "SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize("newest", [None, "v"])
def test_missing_stage_is_blamed_on_a_pooler(database, state_dir, newest):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (0, '')",
    )
    target = target_with(key=("k",), newest=newest)
    with (
        prepared(database, target, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(ROWS, 0, key=target.key))
        session = writer._session.open()
        session.execute("DISCARD TEMP")
        session.commit()
        with pytest.raises(WriteError, match="pooler in transaction mode") as caught:
            writer.write(
                make_piece(ROWS.with_columns(v=pl.lit("z")), 1, key=target.key)
            )
    assert caught.value.goes_on
    assert query(database, "SELECT count(*) FROM t WHERE v = 'z'") == [(0,)]
