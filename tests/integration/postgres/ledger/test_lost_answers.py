"""A lost answer is no lost or doubled row."""

from __future__ import annotations

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
    cut_the_answer,
    entry,
)
from tests.integration.postgres.writing import (
    counts,
    make_piece,
    prepared,
    target,
)
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)


def test_rows_that_an_undone_attempt_refused_are_taken_back_before_the_commit(
    database, state_dir
):
    run_sql(
        database,
        "CREATE TABLE known (v text PRIMARY KEY)",
        "INSERT INTO known VALUES ('a')",
        "CREATE TABLE t (k bigint, v text REFERENCES known)",
    )
    goal = target(key=(), mode="append")
    heard = []

    def keep(piece, reasons):
        stored = query(database, "SELECT count(*) FROM t")[0][0]
        heard.append((piece.batch, reasons[ROW].to_list(), stored))

    with (
        prepared(database, goal, ROWS, state_dir) as ready,
        closing(ready.open_writer(0, on_refused=keep)) as writer,
    ):
        # the first commit is that of the stage, which the refusal makes
        cut_the_answer(writer, committed=False, passed=1)
        with pytest.raises(TransientWriteError):
            writer.write(make_piece(ROWS))
        run_sql(database, "INSERT INTO known VALUES ('b')")
        assert counts([writer.write(make_piece(ROWS))]) == [(2, 0, 0, 0)]
        # a piece of which nothing was told says nothing
        writer.write(make_piece(ROWS, 1))
    assert heard == [(0, [1], 0), (0, [], 0)]


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("limited", [True, False])
def test_a_piece_whose_answer_was_lost_is_written_exactly_once(
    database, state_dir, committed, limited
):
    with appending(database, state_dir, limited=limited) as (ready, writer):
        piece = make_piece(ROWS)
        cut_the_answer(writer, committed=committed)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        assert counts([writer.write(piece)]) == [(2, 0, 0, 0)]
        with connect(database) as session:
            assert ready.ledger.committed(session) == [entry(0, 2)]
    assert query(database, "SELECT count(*) FROM t") == [(2,)]


def test_a_commit_that_was_undone_is_not_taken_for_one_that_came_through(
    database, state_dir
):
    # the target bears the ledger's own name, and so does its key
    run_sql(database, "CREATE TABLE ledger (k bigint PRIMARY KEY, v text)")
    goal = target("ledger")
    with (
        prepared(database, goal, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        piece = make_piece(ROWS, key=goal.key)
        cut_the_answer(writer, committed=False)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        run_sql(database, "INSERT INTO ledger VALUES (2, 'another session')")
        assert counts([writer.write(piece)]) == [(1, 1, 0, 0)]
    assert query(database, "SELECT k, v FROM ledger ORDER BY k") == ROWS.rows()


def test_a_commit_that_comes_through_late_is_met_by_the_next_attempt(
    database, state_dir
):
    with appending(database, state_dir, limited=False) as (_, writer):
        piece = make_piece(ROWS)
        first = writer._session.open()
        commit = first.commit

        def line_breaks():
            writer._session.connection = None
            error = ServerError("the line broke")
            error.status = "IO"
            raise error

        def commit_when_waited_for():
            blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
            wait_until(lambda: query(database, blocked))
            commit()

        first.commit, first.rollback = line_breaks, lambda: None
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        # the server ends the first attempt when the second one meets its entry
        ending = threading.Thread(target=commit_when_waited_for)
        ending.start()
        assert counts([writer.write(piece)]) == [(2, 0, 0, 0)]
        ending.join(30)
        first.close()
    assert query(database, "SELECT count(*) FROM t") == [(2,)]


def test_a_writer_whose_backend_was_killed_connects_anew(database, state_dir):
    goal = target()
    with (
        prepared(database, goal, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(ROWS, 0, key=goal.key))
        number = writer._session.open().value("SELECT pg_backend_pid()")
        writer._session.open().commit()
        query(database, f"SELECT pg_terminate_backend({number}, 5000)")
        changed = ROWS.with_columns(v=pl.lit("c"))
        piece = make_piece(changed, 1, key=goal.key)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        assert counts([writer.write(piece)]) == [(0, 2, 0, 0)]


@pytest.mark.parametrize("limited", [True, False])
def test_a_transaction_that_a_pooler_gave_to_another_session_is_not_committed(
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
def test_a_stage_that_is_in_another_session_is_a_pooler_s_doing(
    database, state_dir, newest
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (0, '')",
    )
    goal = target(key=("k",), newest=newest)
    with (
        prepared(database, goal, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(ROWS, 0, key=goal.key))
        session = writer._session.open()
        session.execute("DISCARD TEMP")
        session.commit()
        with pytest.raises(WriteError, match="pooler in transaction mode") as caught:
            writer.write(make_piece(ROWS.with_columns(v=pl.lit("z")), 1, key=goal.key))
    assert caught.value.goes_on
    assert query(database, "SELECT count(*) FROM t WHERE v = 'z'") == [(0,)]
