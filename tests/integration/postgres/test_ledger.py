"""Pieces are entered with their rows, and a lost answer is no lost or doubled row."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import TransientWriteError, WriteError
from propload.postgres.ledger import database_ledger as ledger_module
from propload.postgres.ledger import file_ledger as file_ledger_module
from propload.postgres.ledger.database_ledger import DatabaseLedger
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.file_ledger import FileLedger, identity_of, read_lines
from propload.postgres.ledger.history import find_point, read_runs
from propload.postgres.ledger.run_record import RunRecord
from propload.postgres.loading import Database
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import parse_dsn
from propload.postgres.session.locking import is_free
from propload.postgres.sql import bookkeeping
from propload.report import Counts
from tests.faults.server import wait_until
from tests.integration.postgres.writing import (
    counts,
    end,
    make_piece,
    prepared,
    run_record,
    target,
)
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

ROWS = pl.DataFrame({"k": [1, 2], "v": ["a", "b"]})


def entry(batch, inserted, *, rejected=0):
    read = inserted + rejected
    return LedgerEntry(batch, 0, 0, read, Counts(read, inserted, rejected=rejected))


@contextmanager
def user_without_rights(dsn):
    """Make a user who may write the table `t` and create nothing but temporary."""
    name = "propload_limited"
    run_sql(dsn, f"CREATE ROLE {name} LOGIN", f"GRANT SELECT, INSERT ON t TO {name}")
    try:
        parts = parse_dsn(dsn) | {"user": name}
        yield " ".join(f"{key}={value}" for key, value in parts.items())
    finally:
        run_sql(dsn, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


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


def cut_the_answer(writer, *, committed, passed=0):
    """Let one of the writer's commits break the line, before or after its effect."""
    session = writer._session.open()
    commit = session.commit
    left = [commit] * passed

    def broken():
        if left:
            left.pop()()
            return
        session.commit = commit
        if committed:
            commit()
        session.close()
        error = ServerError("the line broke")
        error.status = "IO"
        raise error

    session.commit = broken


@contextmanager
def appending(database, state_dir, *, limited):
    """Append to the table `t`, with a ledger in the database or in a file."""
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    goal = target(key=(), mode="append")
    with user_without_rights(database) as limited_dsn:
        dsn = limited_dsn if limited else database
        with (
            prepared(dsn, goal, ROWS, state_dir) as ready,
            closing(ready.open_writer(0)) as writer,
        ):
            kind = FileLedger if limited else DatabaseLedger
            assert isinstance(ready.ledger, kind)
            assert bool(ready.notes) == limited
            yield ready, writer


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


def test_a_file_ledger_is_read_again_and_private(database, state_dir):
    goal = target()
    run = run_record(goal)
    files = FileLedger(state_dir / "runs", run)
    piece = make_piece(ROWS)
    with connect(database) as session:
        files.record(session, piece, Counts(2, 2))
        session.commit()
        files.settle(piece)
        with files.path.open("a") as torn:
            torn.write('{"entry": {"batch"')
        again = FileLedger(state_dir / "runs", run)
        assert again.committed(session) == [entry(0, 2)]
        assert again.find(session, piece) == entry(0, 2)
    assert files.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("committed", [True, False])
def test_who_was_killed_at_the_commit_finds_out_how_it_ended(
    database, state_dir, committed
):
    run = run_record(target())
    files = FileLedger(state_dir / "runs", run)
    with connect(database) as session:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        session.commit() if committed else session.rollback()
        again = FileLedger(state_dir / "runs", run)
        found = [entry(0, 2)] if committed else []
        assert again.committed(session) == found
        # and noted it for the next one, who may come when the server has forgotten
        assert FileLedger(state_dir / "runs", run)._open.keys() == (
            set() if committed else {(0, 0)}
        )


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_who_goes_on_with_a_file_ledger_waits_for_its_open_commits(
    database, state_dir, end
):
    run = run_record(target())
    files = FileLedger(state_dir / "runs", run)
    subject = bookkeeping.pieces_of(run.run_id)
    with connect(database) as session, connect(database) as other:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        assert not is_free(other, subject, wait=0.1)
        getattr(session, end)()
        assert is_free(other, subject, wait=0.1)


def test_a_disk_that_refuses_the_end_of_a_commit_undoes_nothing(
    database, state_dir, monkeypatch, caplog
):
    run = run_record(target())
    files = FileLedger(state_dir / "runs", run)
    write = file_ledger_module.write_private

    def refuse_ends(path, text, **how):
        if b"committed" in text or b"status" in text:
            raise OSError(28, "No space left on device")
        write(path, text, **how)

    monkeypatch.setattr(file_ledger_module, "write_private", refuse_ends)
    with connect(database) as session:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        session.commit()
        files.settle(make_piece(ROWS))
        files.enter_end(session, "loaded")
        session.commit()
        files.settle_end("loaded")
        assert caplog.text.count("No space left") == 2
        # who comes next asks the server
        assert FileLedger(state_dir / "runs", run).committed(session) == [entry(0, 2)]
        assert [one.status for one in read_runs(session, state_dir)] == ["loaded"]


def test_a_run_into_another_database_is_not_gone_on_with(database, state_dir):
    with connect(database) as session:
        here = identity_of(session)
        assert here
        for number, place in enumerate([here, "another", None]):
            run = replace(run_record(target()), run_id=f"run-of-{number}")
            FileLedger(state_dir / "runs", run, database=place)
        found = [run.run_id for run in read_runs(session, state_dir)]
    # what was written before this was noted is taken as it was
    assert found == ["run-of-2", "run-of-0"]


def test_the_file_of_a_ledger_says_into_which_database_its_run_goes(
    database, state_dir
):
    with appending(database, state_dir, limited=True) as (ready, _):
        first = next(read_lines(ready.ledger.path))
    with connect(database) as session:
        assert first["database"] == identity_of(session)


def test_a_commit_that_the_server_has_forgotten_is_not_taken_for_undone(
    database, state_dir, monkeypatch
):
    run = run_record(target())
    files = FileLedger(state_dir / "runs", run)
    with connect(database) as session:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        session.commit()
        # what it says of transactions before its oldest notes
        forgotten = "SELECT pg_xact_status(NULL)"
        monkeypatch.setattr(bookkeeping, "status_of", lambda _: forgotten)
        with pytest.raises(WriteError, match="might be written twice"):
            FileLedger(state_dir / "runs", run).committed(session)


def test_a_ledger_in_a_schema_that_is_not_ours_gives_way_to_a_file(database, state_dir):
    goal = target(key=(), mode="append")
    with prepared(database, goal, ROWS, state_dir):
        pass
    with (
        user_without_rights(database) as limited,
        prepared(limited, goal, ROWS, state_dir, run=run_record(goal)) as ready,
    ):
        assert isinstance(ready.ledger, FileLedger)


def test_a_writer_whose_backend_was_killed_connects_anew(database, state_dir):
    goal = target()
    with (
        prepared(database, goal, ROWS, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(ROWS, 0, key=goal.key))
        number = writer._session.open().rows("SELECT pg_backend_pid()")[0][0]
        writer._session.open().commit()
        query(database, f"SELECT pg_terminate_backend({number}, 5000)")
        changed = ROWS.with_columns(v=pl.lit("c"))
        piece = make_piece(changed, 1, key=goal.key)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        assert counts([writer.write(piece)]) == [(0, 2, 0, 0)]


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
        assert not slow.rows(bookkeeping.STANDING)[0][0]
        record = RunRecord("one", "a.csv", "public.homes", "upsert")
        assert DatabaseLedger.open(quick, record, holder="me") is not None
        ledger_module._make(slow, bookkeeping.CREATE_SCHEMA)
        slow.commit()
        assert slow.rows(bookkeeping.STANDING)[0][0]


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


def test_a_file_ledger_says_how_a_run_ended_only_once_that_is_committed(
    database, state_dir
):
    run = run_record(target())
    files = FileLedger(state_dir / "runs", run)
    with connect(database) as session:
        assert files.status(session) is None
        files.enter_end(session, "loaded")
        session.rollback()
        assert files.status(session) is None
        assert [run.status for run in read_runs(session, state_dir)] == ["running"]
        files.enter_end(session, "loaded")
        session.commit()
        # its answer may be lost, and who asked for it be killed: the server still knows
        assert files.status(session) == "loaded"
        assert FileLedger(state_dir / "runs", run).status(session) == "loaded"
        assert [run.status for run in read_runs(session, state_dir)] == ["loaded"]
    files.settle_end("loaded")
    assert '{"status": "loaded"}' in files.path.read_text()


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


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_run_that_has_a_file_stays_with_it_where_the_right_comes_later(
    database, state_dir, mode
):
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    goal = target(key=(), mode=mode)
    run = run_record(goal)
    with user_without_rights(database) as dsn:
        run_sql(
            database,
            "ALTER TABLE t OWNER TO propload_limited",
            "GRANT CREATE ON SCHEMA public TO propload_limited",
        )
        with (
            prepared(dsn, goal, ROWS, state_dir, run=run) as ready,
            closing(ready.open_writer(0)) as writer,
        ):
            writer.write(make_piece(ROWS, 0))
        name = query(database, "SELECT current_database()")[0][0]
        run_sql(database, f'GRANT CREATE ON DATABASE "{name}" TO propload_limited')
        with prepared(dsn, goal, ROWS, state_dir, run=run) as ready:
            with closing(ready.open_writer(0)) as writer:
                writer.write(make_piece(ROWS, 1))
            end(ready)
        with connect(dsn) as session:
            (found,) = read_runs(session, state_dir)
            point = find_point(session, state_dir, found)
        assert query(database, "SELECT count(*) FROM t") == [(4,)]
    assert found.status == "loaded"
    assert (point.batch, point.counts.inserted) == (2, 4)


def test_a_file_whose_first_line_was_torn_is_given_it_again(database, state_dir):
    run = run_record(target())
    files = FileLedger(state_dir / "runs", run)
    files.path.write_text('{"run": {"run_id"')
    FileLedger(state_dir / "runs", run)
    with connect(database) as session:
        assert [one.run_id for one in read_runs(session, state_dir)] == [run.run_id]


def test_a_batch_without_a_readable_row_leaves_what_the_ledger_knows_of_the_table(
    database, state_dir
):
    goal = target()
    run = run_record(goal)
    with Database(database, state_dir=state_dir) as opened:
        opened.prepare(goal, ROWS.schema, opened.facts(goal.table), run=run)
        opened.enter(run)
        with opened.connect() as session:
            (found,) = read_runs(session, state_dir)
    assert found.table_oid is not None
    assert found.columns is not None
