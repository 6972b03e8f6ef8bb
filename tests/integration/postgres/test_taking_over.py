"""One process at a time enters pieces of a run, also after an outage took its lock."""

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
    target,
)
from tests.integration.reading import query, run_sql
from tests.integration.users import user_without_rights

pytestmark = pytest.mark.timeout(60)

ROWS = pl.DataFrame({"k": [1, 2], "v": ["a", "b"]})
GOAL = target(key=(), mode="append")
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
def process(dsn, state_dir, run_id):
    """Be a process that has claimed a run, with a database of its own."""
    plan = Plan.of({"state_dir": state_dir})
    with Database(dsn, state_dir=state_dir) as database, ExitStack() as stack:
        ResumeFinder(database, plan, stack).claim(run_id)
        yield database


def test_who_lost_the_run_in_an_outage_enters_nothing_more(database, state_dir):
    run = run_record(GOAL)
    with process(database, state_dir, run.run_id) as first:
        ready = first.prepare(GOAL, ROWS.schema, first.facts(GOAL.table), run=run)
        with closing(ready.open_writer(0)) as writer:
            writer.write(make_piece(ROWS, 0))
        query(database, END_OTHERS)
        with process(database, state_dir, run.run_id) as second:
            later = second.prepare(GOAL, ROWS.schema, second.facts(GOAL.table), run=run)
            # the first one comes back, and knows nothing of the second
            with (
                closing(ready.open_writer(0)) as writer,
                pytest.raises(LockedError, match="another process is continuing"),
            ):
                writer.write(make_piece(ROWS, 1))
            with pytest.raises(LockedError, match=run.run_id):
                end(ready, "failed")
            # nor does it begin what it had not begun before the outage
            first._sessions.discard_control()
            first._runs.clear()
            with pytest.raises(LockedError, match=run.run_id):
                first.prepare(GOAL, ROWS.schema, first.facts(GOAL.table), run=run)
            assert query(database, STATUS) == [("running",)]
            with closing(later.open_writer(0)) as writer:
                writer.write(make_piece(ROWS, 1))
            end(later)
    assert query(database, STATUS) == [("loaded",)]
    assert query(database, STORED) == [(4,)]


def test_a_run_whose_ledger_is_a_file_is_its_process_s_also_in_an_outage(
    database, state_dir
):
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    run = run_record(GOAL)
    with user_without_rights(database) as dsn:
        with process(dsn, state_dir, run.run_id) as first:
            ready = first.prepare(GOAL, ROWS.schema, first.facts(GOAL.table), run=run)
            assert isinstance(ready.ledger, FileLedger)
            query(database, END_OTHERS)
            with (
                pytest.raises(LockedError, match="another process is continuing"),
                process(dsn, state_dir, run.run_id),
            ):
                pass
            with closing(ready.open_writer(0)) as writer:
                assert counts([writer.write(make_piece(ROWS))]) == [(2, 0, 0, 0)]
        with process(dsn, state_dir, run.run_id):
            pass


def test_a_run_is_not_taken_over_from_a_piece_that_is_being_committed(
    database, state_dir
):
    run = run_record(GOAL)
    with (
        process(database, state_dir, run.run_id) as first,
        Database(database, state_dir=state_dir) as second,
        connect(database) as open_piece,
        connect(database) as other,
    ):
        ready = first.prepare(GOAL, ROWS.schema, first.facts(GOAL.table), run=run)
        assert ready.ledger.record(open_piece, make_piece(ROWS), Counts(2, 2))
        assert not second.hold(other, run.run_id, wait=0.1)
        open_piece.commit()
        assert second.hold(other, run.run_id, wait=0.1)
        with pytest.raises(LockedError):
            ready.ledger.record(open_piece, make_piece(ROWS, 1), Counts(2, 2))


def test_a_piece_that_is_entered_already_is_no_fault_of_its_rows(database, state_dir):
    run, told = run_record(GOAL), []
    with process(database, state_dir, run.run_id) as first:
        ready = first.prepare(GOAL, ROWS.schema, first.facts(GOAL.table), run=run)
        run_sql(database, ENTER)
        with (
            closing(
                ready.open_writer(0, on_refused=lambda *of: told.append(of))
            ) as writer,
            pytest.raises(LockedError, match="another process is continuing"),
        ):
            writer.write(make_piece(ROWS))
    assert query(database, STORED) == [(0,)]
    assert not told


@pytest.mark.one_server
@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM propload.runs", "the line of run .* is gone from the ledger"),
        ("DROP SCHEMA propload CASCADE", "the ledger .* is gone"),
        ("DROP TABLE propload.runs", "the ledger .* is gone"),
    ],
)
def test_a_run_that_the_ledger_has_lost_is_not_taken_for_another_process_s(
    database, state_dir, statement, told
):
    run = run_record(GOAL)
    with process(database, state_dir, run.run_id) as first:
        ready = first.prepare(GOAL, ROWS.schema, first.facts(GOAL.table), run=run)
        run_sql(database, statement)
        with (
            closing(ready.open_writer(0)) as writer,
            pytest.raises(WriteError, match=told) as caught,
        ):
            writer.write(make_piece(ROWS))
        with pytest.raises(WriteError, match=told):
            end(ready)
    assert not caught.value.goes_on
    assert query(database, STORED) == [(0,)]
