"""One process at a time enters pieces of a run, even if an outage took its lock."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager

import polars as pl
import pytest

from propload.errors import LockedError, WriteError
from propload.postgres.database import Database
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.session.connection import connect
from propload.report import Counts
from propload.running.planning import Plan
from propload.running.resuming.finding import ResumeFinder
from tests.integration.postgres.writing import (
    counts,
    end,
    make_piece,
    run_record,
    target_with,
)
from tests.integration.reading import query, run_sql
from tests.integration.users import user_without_rights

pytestmark = pytest.mark.timeout(60)

ROWS = pl.DataFrame({"k": [1, 2], "v": ["a", "b"]})
TARGET = target_with(key=(), mode="append")
END_OTHERS = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'propload'
  AND pid <> pg_backend_pid()
"""
STORED = "SELECT count(*) FROM t"
STATUS = "SELECT status FROM propload.runs"
ENTER = """
INSERT INTO propload.ledger SELECT run_id, 0, 0, 0, 2, 2, 0, 0, 2, 0, 0, 0
FROM propload.runs"""


@contextmanager
def claimed_run(dsn, state_dir, run_id):
    """Yield the database of a process that has claimed a run."""
    plan = Plan.of({"state_dir": state_dir})
    with Database(dsn, state_dir=state_dir) as database, ExitStack() as stack:
        ResumeFinder(database, plan, stack).claim(run_id)
        yield database


def test_process_that_lost_its_run_in_an_outage_enters_nothing_more(
    database, state_dir
):
    run = run_record(TARGET)
    with claimed_run(database, state_dir, run.run_id) as first:
        ready = first.prepare(TARGET, ROWS.schema, first.facts(TARGET.table), run=run)
        with closing(ready.open_writer(0)) as writer:
            writer.write(make_piece(ROWS, 0))
        query(database, END_OTHERS)
        with claimed_run(database, state_dir, run.run_id) as second:
            later = second.prepare(
                TARGET, ROWS.schema, second.facts(TARGET.table), run=run
            )
            # the first process continues, unaware of the second
            with (
                closing(ready.open_writer(0)) as writer,
                pytest.raises(LockedError, match="another process is continuing"),
            ):
                writer.write(make_piece(ROWS, 1))
            with pytest.raises(LockedError, match=run.run_id):
                end(ready, "failed")
            # nor can the first begin the run again after the outage
            first._sessions.discard_control()
            first._runs.clear()
            with pytest.raises(LockedError, match=run.run_id):
                first.prepare(TARGET, ROWS.schema, first.facts(TARGET.table), run=run)
            assert query(database, STATUS) == [("running",)]
            with closing(later.open_writer(0)) as writer:
                writer.write(make_piece(ROWS, 1))
            end(later)
    assert query(database, STATUS) == [("loaded",)]
    assert query(database, STORED) == [(4,)]


def test_run_with_a_file_ledger_stays_with_its_process_in_an_outage(
    database, state_dir
):
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    run = run_record(TARGET)
    with user_without_rights(database) as dsn:
        with claimed_run(dsn, state_dir, run.run_id) as first:
            ready = first.prepare(
                TARGET, ROWS.schema, first.facts(TARGET.table), run=run
            )
            assert isinstance(ready.ledger, FileLedger)
            query(database, END_OTHERS)
            with (
                pytest.raises(LockedError, match="another process is continuing"),
                claimed_run(dsn, state_dir, run.run_id),
            ):
                pass
            with closing(ready.open_writer(0)) as writer:
                assert counts([writer.write(make_piece(ROWS))]) == [(2, 0, 0, 0)]
        with claimed_run(dsn, state_dir, run.run_id):
            pass


def test_run_is_not_taken_over_while_one_of_its_pieces_is_committed(
    database, state_dir
):
    run = run_record(TARGET)
    with (
        claimed_run(database, state_dir, run.run_id) as first,
        Database(database, state_dir=state_dir) as second,
        connect(database) as open_piece,
        connect(database) as other,
    ):
        ready = first.prepare(TARGET, ROWS.schema, first.facts(TARGET.table), run=run)
        assert ready.ledger.record(open_piece, make_piece(ROWS), Counts(2, 2))
        assert not second.hold(other, run.run_id, wait=0.1)
        open_piece.commit()
        assert second.hold(other, run.run_id, wait=0.1)
        with pytest.raises(LockedError):
            ready.ledger.record(open_piece, make_piece(ROWS, 1), Counts(2, 2))


def test_piece_entered_by_another_process_refuses_no_rows(database, state_dir):
    run, refusals = run_record(TARGET), []
    with claimed_run(database, state_dir, run.run_id) as first:
        ready = first.prepare(TARGET, ROWS.schema, first.facts(TARGET.table), run=run)
        run_sql(database, ENTER)
        with (
            closing(
                ready.open_writer(0, on_refused=lambda *of: refusals.append(of))
            ) as writer,
            pytest.raises(LockedError, match="another process is continuing"),
        ):
            writer.write(make_piece(ROWS))
    assert query(database, STORED) == [(0,)]
    assert not refusals


@pytest.mark.one_server
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM propload.runs", "the line of run .* is gone from the ledger"),
        ("DROP SCHEMA propload CASCADE", "the ledger .* is gone"),
        ("DROP TABLE propload.runs", "the ledger .* is gone"),
    ],
)
def test_run_lost_by_the_ledger_is_not_blamed_on_another_process(
    database, state_dir, statement, message
):
    run = run_record(TARGET)
    with claimed_run(database, state_dir, run.run_id) as first:
        ready = first.prepare(TARGET, ROWS.schema, first.facts(TARGET.table), run=run)
        run_sql(database, statement)
        with (
            closing(ready.open_writer(0)) as writer,
            pytest.raises(WriteError, match=message) as caught,
        ):
            writer.write(make_piece(ROWS))
        with pytest.raises(WriteError, match=message):
            end(ready)
    assert not caught.value.goes_on
    assert query(database, STORED) == [(0,)]
