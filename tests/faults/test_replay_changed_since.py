"""Replays that were killed, and whose fix or rows have changed since."""

from __future__ import annotations

import os

import pytest

import propload
from propload.rejecting import RejectStore
from tests.faults import loading
from tests.faults.server import SLOW_LEDGER, ask, commits_of, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

ROWS = 1_000
#: Mends every second of the rejected rows, and leaves out the others.
HALF = """
import polars as pl

def fix(frame):
    return frame.filter(pl.col("id") % 4 == 1).with_columns(price=pl.lit("7"))
"""
ALL = """
import polars as pl

def fix(frame):
    return frame.with_columns(price=pl.lit("7"))
"""


@pytest.fixture
def appended(dsn, state_dir):
    """Append rows of which every second one is refused. Value: the run."""
    run_sql(dsn, "CREATE TABLE homes (id bigint, price bigint)")
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(ROWS)]
    told = {"to": dsn, "table": "homes", "mode": "append", "batch_rows": 50}
    report = propload.ingest(rows, workers=2, **told)
    assert (report.counts.inserted, report.counts.rejected) == (500, 500)
    run_sql(dsn, *SLOW_LEDGER)
    return report.run_id


@pytest.fixture
def start(dsn, appended, tmp_path):
    """Return what starts a replay of the rows by a fix."""
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    words = ["rejects", "replay", appended, "--fix", "mending:fix", "--to", dsn]

    def start(fix):
        (tmp_path / "mending.py").write_text(fix, encoding="utf-8")
        # another file of the same second is no other to Python's own cache
        told = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return loading.start(*words, "--json", **told)

    return start


def kill(process, dsn):
    """Kill a replay after a few of its commits; return how many rows it has added."""
    begun = commits_of(dsn)
    with process:
        wait_until(lambda: commits_of(dsn) >= begun + 3)
        process.kill()
    [(added,)] = ask(dsn, "SELECT count(*) FROM homes WHERE price = 7")
    assert 0 < added < ROWS // 4
    return added


def test_a_killed_replay_does_not_go_on_by_a_fix_of_the_same_name(
    dsn, appended, start, state_dir
):
    added = kill(start(HALF), dsn)
    with start(ALL) as process:
        assert process.wait() == 2
    assert "with another fix" in process.log
    assert ask(dsn, "SELECT count(*) FROM homes WHERE price = 7") == [(added,)]
    with start(HALF) as process:
        counts = loading.counts_of(process.report())
    assert counts.inserted == ROWS // 4
    counted = "SELECT count(*), count(DISTINCT id) FROM homes WHERE price = 7"
    assert ask(dsn, counted) == [(ROWS // 4,) * 2]
    assert RejectStore(state_dir / "rejects").runs() == []
