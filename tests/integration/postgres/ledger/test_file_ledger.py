"""Pieces are entered in a file if the user may create no ledger in the database."""

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
    target_with,
)
from tests.integration.reading import query, run_sql
from tests.integration.users import user_without_rights

pytestmark = pytest.mark.timeout(60)


def test_file_ledger_is_private_and_readable_despite_a_torn_line(database, state_dir):
    target = target_with()
    run = run_record(target)
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


def _entries_in_memory():
    """Return how many ledger entries are in memory."""
    return sum(isinstance(one, LedgerEntry) for one in gc.get_objects())


def test_entries_are_kept_in_the_file_and_not_in_memory(database, state_dir):
    files = FileLedger(state_dir, run_record(target_with()))
    before = _entries_in_memory()
    with connect(database) as session:
        for number in range(50):
            piece = make_piece(ROWS, number)
            files.record(session, piece, Counts(2, 2))
            session.commit()
            files.mark_committed(piece)
        assert _entries_in_memory() == before
        assert files.find(session, piece).batch == 49
        assert [one.batch for one in files.committed(session)] == [*range(50)]
        files.path.unlink()
        assert files.committed(session) == []


@pytest.mark.parametrize("committed", [True, False])
def test_process_killed_at_a_commit_learns_its_outcome(database, state_dir, committed):
    run = run_record(target_with())
    files = FileLedger(state_dir, run)
    with connect(database) as session:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        session.commit() if committed else session.rollback()
        again = FileLedger(state_dir, run)
        found = [entry(0, 2)] if committed else []
        assert again.committed(session) == found
        # the outcome is noted, as the server may have forgotten it by the next time
        assert FileLedger(state_dir, run)._open.keys() == (
            set() if committed else {(0, 0)}
        )


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_file_ledger_is_locked_until_its_open_commit_ends(database, state_dir, ending):
    run = run_record(target_with())
    files = FileLedger(state_dir, run)
    subject = ledger.open_pieces_lock(run.run_id)
    with connect(database) as session, connect(database) as other:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        assert not is_free(other, subject, wait=0.1)
        getattr(session, ending)()
        assert is_free(other, subject, wait=0.1)


def test_commit_that_cannot_be_noted_on_a_full_disk_stays_valid(
    database, state_dir, monkeypatch, caplog
):
    run = run_record(target_with())
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
        # the next process asks the server
        assert FileLedger(state_dir, run).committed(session) == [entry(0, 2)]
        assert find_run(session, state_dir, run.run_id).status == "loaded"


def test_run_into_another_database_is_not_found(database, state_dir):
    with connect(database) as session:
        here = identity_of(session)
        assert here
        for number, database_identity in enumerate([here, "another", None]):
            run = replace(run_record(target_with()), run_id=f"run-of-{number}")
            FileLedger(state_dir, run, database=database_identity)
        found = [
            one.run_id for one in runs_of(session, state_dir, run.source, run.target)
        ]
    # a run whose file names no database counts as one of this database
    assert found == ["run-of-2", "run-of-0"]


def test_file_ledger_names_the_database_of_its_run(database, state_dir):
    with appending(database, state_dir, limited=True) as (ready, _):
        first = next(read_lines(ready.ledger.path))
    with connect(database) as session:
        assert first["database"] == identity_of(session)


def test_commit_forgotten_by_the_server_is_not_taken_for_undone(
    database, state_dir, monkeypatch
):
    run = run_record(target_with())
    files = FileLedger(state_dir, run)
    with connect(database) as session:
        files.record(session, make_piece(ROWS), Counts(2, 2))
        session.commit()
        # the server's answer for transactions older than it remembers
        forgotten = "SELECT pg_xact_status(NULL)"
        monkeypatch.setattr(ledger, "transaction_status", lambda _: forgotten)
        with pytest.raises(WriteError, match="might be written twice"):
            FileLedger(state_dir, run).committed(session)


def test_file_is_used_if_the_user_may_not_use_the_existing_ledger(database, state_dir):
    target = target_with(key=(), mode="append")
    with prepared(database, target, ROWS, state_dir):
        pass
    with (
        user_without_rights(database) as limited,
        prepared(limited, target, ROWS, state_dir, run=run_record(target)) as ready,
    ):
        assert isinstance(ready.ledger, FileLedger)


def test_file_ledger_reports_the_end_of_a_run_only_once_committed(database, state_dir):
    run = run_record(target_with())
    files = FileLedger(state_dir, run)
    with connect(database) as session:
        assert files.status(session) is None
        files.enter_end(session, "loaded")
        session.rollback()
        assert files.status(session) is None
        assert find_run(session, state_dir, run.run_id).status == "running"
        files.enter_end(session, "loaded")
        session.commit()
        # even if its answer is lost and the process killed, the server still knows
        assert files.status(session) == "loaded"
        assert FileLedger(state_dir, run).status(session) == "loaded"
        assert find_run(session, state_dir, run.run_id).status == "loaded"
    files.mark_end_committed("loaded")
    assert '{"status": "loaded"}' in files.path.read_text()


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_run_keeps_its_file_ledger_after_privileges_are_granted(
    database, state_dir, mode
):
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    target = target_with(key=(), mode=mode)
    run = run_record(target)
    with user_without_rights(database) as dsn:
        run_sql(
            database,
            "ALTER TABLE t OWNER TO propload_limited",
            "GRANT CREATE ON SCHEMA public TO propload_limited",
        )
        with (
            prepared(dsn, target, ROWS, state_dir, run=run) as ready,
            closing(ready.open_writer(0)) as writer,
        ):
            writer.write(make_piece(ROWS, 0))
        name = query(database, "SELECT current_database()")[0][0]
        run_sql(database, f'GRANT CREATE ON DATABASE "{name}" TO propload_limited')
        with prepared(dsn, target, ROWS, state_dir, run=run) as ready:
            with closing(ready.open_writer(0)) as writer:
                writer.write(make_piece(ROWS, 1))
            end(ready)
        with connect(dsn) as session:
            found = find_run(session, state_dir, run.run_id)
            point = find_point(session, state_dir, found)
        assert query(database, "SELECT count(*) FROM t") == [(4,)]
    assert found.status == "loaded"
    assert (point.start.batch, point.start.counts.inserted) == (2, 4)


def test_torn_first_line_of_a_file_ledger_is_rewritten(database, state_dir):
    run = run_record(target_with())
    files = FileLedger(state_dir, run)
    files.path.write_text('{"run": {"run_id"')
    FileLedger(state_dir, run)
    with connect(database) as session:
        assert find_run(session, state_dir, run.run_id) == run
