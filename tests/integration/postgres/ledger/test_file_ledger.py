"""Pieces are entered in a file where the database has no place for them."""

from __future__ import annotations

import gc
from contextlib import closing
from dataclasses import replace

import pytest

from propload.errors import WriteError
from propload.postgres.ledger import file_ledger as file_ledger_module
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.ledger.history import find_point, find_run, runs_of
from propload.postgres.ledger.ledger_file import identity_of, read_lines
from propload.postgres.session.connection import connect
from propload.postgres.session.locking import is_free
from propload.postgres.sql import ledger
from propload.report import Counts
from tests.integration.postgres.ledger.appending import ROWS, appending, entry
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


def test_a_file_ledger_is_read_again_and_private(database, state_dir):
    goal = target()
    run = run_record(goal)
    files = FileLedger(state_dir, run)
    piece = make_piece(ROWS)
    with connect(database) as session:
        files.record(session, piece, Counts(2, 2))
        session.commit()
        files.mark_committed(piece)
        with files.path.open("a") as torn:
            torn.write('{"entry": {"batch"')
        again = FileLedger(state_dir, run)
        assert again.committed(session) == [entry(0, 2)]
        assert again.find(session, piece) == entry(0, 2)
    assert files.path.stat().st_mode & 0o777 == 0o600


def _held():
    """Return how many entries of ledgers are in memory."""
    return sum(isinstance(one, LedgerEntry) for one in gc.get_objects())


def test_pieces_of_years_are_in_the_file_and_not_in_memory(database, state_dir):
    files = FileLedger(state_dir, run_record(target()))
    held = _held()
    with connect(database) as session:
        for number in range(50):
            piece = make_piece(ROWS, number)
            files.record(session, piece, Counts(2, 2))
            session.commit()
            files.mark_committed(piece)
        assert _held() == held
        assert files.find(session, piece).batch == 49
        assert [one.batch for one in files.committed(session)] == [*range(50)]
        files.path.unlink()
        assert files.committed(session) == []


@pytest.mark.parametrize("committed", [True, False])
def test_who_was_killed_at_the_commit_finds_out_how_it_ended(
    database, state_dir, committed
):
    run = run_record(target())
    files = FileLedger(state_dir, run)
    with connect(database) as session:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        session.commit() if committed else session.rollback()
        again = FileLedger(state_dir, run)
        found = [entry(0, 2)] if committed else []
        assert again.committed(session) == found
        # and noted it for the next one, who may come when the server has forgotten
        assert FileLedger(state_dir, run)._open.keys() == (
            set() if committed else {(0, 0)}
        )


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_who_goes_on_with_a_file_ledger_waits_for_its_open_commits(
    database, state_dir, end
):
    run = run_record(target())
    files = FileLedger(state_dir, run)
    subject = ledger.open_pieces_lock(run.run_id)
    with connect(database) as session, connect(database) as other:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        assert not is_free(other, subject, wait=0.1)
        getattr(session, end)()
        assert is_free(other, subject, wait=0.1)


def test_a_disk_that_refuses_the_end_of_a_commit_undoes_nothing(
    database, state_dir, monkeypatch, caplog
):
    run = run_record(target())
    files = FileLedger(state_dir, run)
    write = file_ledger_module.write_private

    def refuse_ends(path, text, **how):
        if b"committed" in text or b"status" in text:
            raise OSError(28, "No space left on device")
        write(path, text, **how)

    monkeypatch.setattr(file_ledger_module, "write_private", refuse_ends)
    with connect(database) as session:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        session.commit()
        files.mark_committed(make_piece(ROWS))
        files.enter_end(session, "loaded")
        session.commit()
        files.mark_end_committed("loaded")
        assert caplog.text.count("No space left") == 2
        # who comes next asks the server
        assert FileLedger(state_dir, run).committed(session) == [entry(0, 2)]
        assert find_run(session, state_dir, run.run_id).status == "loaded"


def test_a_run_into_another_database_is_not_gone_on_with(database, state_dir):
    with connect(database) as session:
        here = identity_of(session)
        assert here
        for number, place in enumerate([here, "another", None]):
            run = replace(run_record(target()), run_id=f"run-of-{number}")
            FileLedger(state_dir, run, database=place)
        found = [
            one.run_id for one in runs_of(session, state_dir, run.source, run.target)
        ]
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
    files = FileLedger(state_dir, run)
    with connect(database) as session:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        session.commit()
        # what it says of transactions before its oldest notes
        forgotten = "SELECT pg_xact_status(NULL)"
        monkeypatch.setattr(ledger, "transaction_status", lambda _: forgotten)
        with pytest.raises(WriteError, match="might be written twice"):
            FileLedger(state_dir, run).committed(session)


def test_a_ledger_in_a_schema_that_is_not_ours_gives_way_to_a_file(database, state_dir):
    goal = target(key=(), mode="append")
    with prepared(database, goal, ROWS, state_dir):
        pass
    with (
        user_without_rights(database) as limited,
        prepared(limited, goal, ROWS, state_dir, run=run_record(goal)) as ready,
    ):
        assert isinstance(ready.ledger, FileLedger)


def test_a_file_ledger_says_how_a_run_ended_only_once_that_is_committed(
    database, state_dir
):
    run = run_record(target())
    files = FileLedger(state_dir, run)
    with connect(database) as session:
        assert files.status(session) is None
        files.enter_end(session, "loaded")
        session.rollback()
        assert files.status(session) is None
        assert find_run(session, state_dir, run.run_id).status == "running"
        files.enter_end(session, "loaded")
        session.commit()
        # its answer may be lost, and who asked for it be killed: the server still knows
        assert files.status(session) == "loaded"
        assert FileLedger(state_dir, run).status(session) == "loaded"
        assert find_run(session, state_dir, run.run_id).status == "loaded"
    files.mark_end_committed("loaded")
    assert '{"status": "loaded"}' in files.path.read_text()


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
            found = find_run(session, state_dir, run.run_id)
            point = find_point(session, state_dir, found)
        assert query(database, "SELECT count(*) FROM t") == [(4,)]
    assert found.status == "loaded"
    assert (point.start.batch, point.start.counts.inserted) == (2, 4)


def test_a_file_whose_first_line_was_torn_is_given_it_again(database, state_dir):
    run = run_record(target())
    files = FileLedger(state_dir, run)
    files.path.write_text('{"run": {"run_id"')
    FileLedger(state_dir, run)
    with connect(database) as session:
        assert find_run(session, state_dir, run.run_id) == run
