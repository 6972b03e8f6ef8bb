"""A resumed load waits for the last commit of the killed one, if it is still open."""

from __future__ import annotations

import pytest

from propload.batch import Deduped, Piece
from propload.postgres.session.connection import connect
from propload.postgres.sql import ledger
from propload.report import Counts
from tests.faults import loading
from tests.faults.server import (
    BACKENDS,
    SLOW_LEDGER,
    ask,
    commits_of,
    prepare_ledger,
    wait_until,
)
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

ROWS = 20_000
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
LAST = """
SELECT run_id, max(batch) + 1, max(through_row), max(settings::json ->> 'holder')
FROM propload.ledger JOIN propload.runs USING (run_id) GROUP BY run_id"""


def write_next_batch(session, frame):
    """Write a batch as the killed loader did, except for the end of its commit."""
    ((run, number, first, holder),) = session.rows(LAST)
    rows = frame[first : first + loading.BATCH_ROWS]
    for row in rows.iter_rows():
        session.execute("INSERT INTO homes VALUES ($1, $2, $3::text::int8, $4)", row)
    piece = Piece(number, 0, Deduped((rows,)), first, first + rows.height)
    counts = Counts(read=rows.height, inserted=rows.height)
    session_facts = {"token": session.token, "holder": holder}
    session.execute(ledger.insert_entry(run, piece, counts, **session_facts))


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_resumed_load_waits_for_an_open_commit_of_the_killed_one(
    dsn, tmp_path, chance, ending
):
    prepare_ledger(dsn, *SLOW_LEDGER)
    run_sql(dsn, loading.table_sql(mode="append"))
    frame = loading.listings(ROWS, chance=chance)
    file = tmp_path / "homes.csv"
    frame.write_csv(file)
    flags = loading.arguments(dsn, mode="append", workers=1)
    arguments = ["ingest", file, *flags, "--json"]
    with loading.start(*arguments) as process:
        wait_until(lambda: commits_of(dsn) >= 2)
        process.kill()
    wait_until(lambda: not ask(dsn, BACKENDS))
    with connect(dsn, application_name="observer") as session:
        write_next_batch(session, frame)
        with loading.start(*arguments, "--resume", "true") as process:
            wait_until(lambda: ask(dsn, WAITING))
            getattr(session, ending)()
            assert loading.counts_of(process.report()).inserted == ROWS
    assert loading.stored(dsn).equals(loading.expected(frame, mode="append"))
