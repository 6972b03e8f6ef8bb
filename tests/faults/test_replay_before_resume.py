"""A replay killed before its run is resumed loses and duplicates no row."""

from __future__ import annotations

import os

import polars as pl
import pytest

import propload
from propload.earlier_runs.replaying import replay
from propload.errors import LoadError
from propload.rejecting import RejectStore
from tests.faults import loading
from tests.faults.server import ask, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

ROWS = 1_000
MENDING = """
from __future__ import annotations

import polars as pl

def fix(frame):
    return frame.with_columns(price=pl.lit("7"))
"""
#: Ends a load at one row, as a broken disk of the server would.
DENY = (
    """CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE system_error USING MESSAGE = 'the disk is broken'; END $$""",
    """CREATE TRIGGER deny BEFORE INSERT ON homes FOR EACH ROW WHEN (NEW.id = 300)
    EXECUTE FUNCTION deny()""",
)
#: Makes a run wait between its last commit and the note of its end.
SLOW_END = (
    """CREATE FUNCTION propload.slow() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(2); RETURN NEW; END'""",
    """CREATE TRIGGER slow BEFORE UPDATE OF status ON propload.runs
    FOR EACH ROW EXECUTE FUNCTION propload.slow()""",
)
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


def fix(frame):
    return frame.with_columns(price=pl.lit("7"))


@pytest.fixture
def failed(dsn, tmp_path, state_dir):
    """Fail halfway through a file; return the report, and a function that resumes."""
    path = tmp_path / "listings.csv"
    lines = (f"{n},{'dear' if n % 2 else 1}\n" for n in range(ROWS))
    path.write_text("id,price\n" + "".join(lines), encoding="utf-8")
    settings = {"to": dsn, "table": "homes", "mode": "append", "batch_rows": 50}
    run_sql(dsn, "CREATE TABLE homes (id bigint, price bigint)", *DENY)
    with pytest.raises(LoadError, match="the disk is broken") as caught:
        propload.ingest(path, **settings)
    run_sql(dsn, "DROP TRIGGER deny ON homes")
    report = caught.value.report
    return report, lambda: propload.ingest(path, resume=report.run_id, **settings)


def test_replay_killed_after_its_last_commit_adds_no_row_twice(
    dsn, failed, tmp_path, state_dir
):
    report, resume = failed
    (tmp_path / "mending.py").write_text(MENDING)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    run_sql(dsn, *SLOW_END)
    arguments = [
        "rejects",
        "replay",
        report.run_id,
        "--fix",
        "mending:fix",
        "--to",
        dsn,
    ]
    with loading.start(*arguments, PYTHONPATH=path) as process:
        wait_until(lambda: ask(dsn, WAITING))
        process.kill()
    [(added,)] = ask(dsn, "SELECT count(*) FROM homes WHERE price = 7")
    assert added > 0
    run_sql(dsn, "DROP TRIGGER slow ON propload.runs")
    resume()
    store = RejectStore(state_dir / "rejects")
    before = propload.rejects(report.run_id, state_dir=state_dir).height
    replay(report.run_id, fix=fix, to=dsn)
    if store.runs():
        # the first replay had to complete the killed one
        left = propload.rejects(report.run_id, state_dir=state_dir).height
        assert left == before - added
        replay(report.run_id, fix=fix, to=dsn)
    count_rows = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, count_rows) == [(ROWS, ROWS)]
    assert store.runs() == []
