"""Killed replays whose fix or whose rows have changed since."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

import polars as pl
import pytest

import propload
from propload.errors import ConfigError
from propload.rejecting import RejectStore
from tests.faults import loading
from tests.faults.server import HALTING_LEDGER, ask, kill_halted
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

ROWS = 1_000
#: Fixes every second rejected row, and leaves out the others.
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
    """Append rows of which every second one is rejected; return the run's id."""
    run_sql(dsn, "CREATE TABLE homes (id bigint, price bigint)")
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(ROWS)]
    settings = {"to": dsn, "table": "homes", "mode": "append", "batch_rows": 50}
    report = propload.ingest(rows, workers=2, **settings)
    assert (report.counts.inserted, report.counts.rejected) == (500, 500)
    run_sql(dsn, *HALTING_LEDGER)
    return report.run_id


@pytest.fixture
def start(dsn, appended, tmp_path):
    """Return a function that starts a replay of the rejected rows with a fix."""
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    arguments = ["rejects", "replay", appended, "--fix", "mending:fix", "--to", dsn]

    def start(fix):
        (tmp_path / "mending.py").write_text(fix, encoding="utf-8")
        # Python's cache does not notice a file that was changed within the same second
        environment = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return loading.start(*arguments, "--json", **environment)

    return start


def kill(process, dsn):
    """Kill a replay halfway; return how many rows it has added."""
    kill_halted(process, dsn)
    [(added,)] = ask(dsn, "SELECT count(*) FROM homes WHERE price = 7")
    assert 0 < added < ROWS // 4
    return added


def test_killed_replay_does_not_continue_with_a_changed_fix(
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
    count_rows = "SELECT count(*), count(DISTINCT id) FROM homes WHERE price = 7"
    assert ask(dsn, count_rows) == [(ROWS // 4,) * 2]
    assert RejectStore(state_dir / "rejects").runs() == []


@pytest.fixture
def edited(dsn, appended, start, state_dir):
    """Edit a rejected row after its replay was killed; return file and old content."""
    path = state_dir / "rejects" / f"{appended}.ndjson"
    before = path.read_bytes()
    kill(start(ALL), dsn)
    path.write_bytes(before.replace(b'"dear"', b'"9"', 1))
    return path, before


def test_rejects_edited_after_a_kill_can_be_restored_as_advised(
    dsn, appended, start, edited, state_dir
):
    path, _ = edited
    with start(ALL) as process:
        assert process.wait() == 2
    [move] = re.findall(r"as it was \((mv .*?)\)", " ".join(process.log.split()))
    subprocess.run(shlex.split(move), check=True)
    with start(ALL) as process:
        process.report()
    count_rows = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, count_rows) == [(ROWS, ROWS)]
    assert ask(dsn, "SELECT count(*) FROM homes WHERE price = 9") == [(0,)]
    assert list(path.parent.iterdir()) == []


def test_restoring_rejects_is_not_advised_if_others_were_added_since(
    dsn, appended, start, edited, state_dir
):
    path, before = edited
    text = path.read_text(encoding="utf-8")
    moment = "2999-01-01T00:00:00.000+00:00"
    later = re.sub('"time":"[^"]*"', f'"time":"{moment}"', text.splitlines()[-1])
    path.write_text(f"{text}{later}\n", encoding="utf-8")
    message = rf"Undo that, or load from a file \(propload rejects export {appended}"
    with pytest.raises(ConfigError, match=message):
        propload.replay(appended, to=dsn)
    with start(ALL) as process:
        assert process.wait() == 2
    path.write_bytes(before)
    with start(ALL) as process:
        process.report()
    count_rows = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, count_rows) == [(ROWS, ROWS)]


def test_rows_missing_after_a_killed_replay_can_be_loaded_from_an_export(
    dsn, appended, start, edited, tmp_path
):
    path, _ = edited
    rest = tmp_path / "rest.parquet"
    arguments = ["rejects", "export", appended, "--output", rest]
    with loading.start(*arguments) as process:
        assert process.wait() == 0
    stored_ids = {row[0] for row in ask(dsn, "SELECT id FROM homes")}
    missing = pl.read_parquet(rest).filter(~pl.col("id").is_in(stored_ids))
    missing = missing.with_columns(price=pl.lit("7"))
    settings = {
        "to": dsn,
        "table": "homes",
        "mode": "append",
        "on_new_columns": "ignore",
    }
    propload.ingest(missing, **settings)
    propload.drop_rejects(appended)
    count_rows = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, count_rows) == [(ROWS, ROWS)]
    assert list(path.parent.iterdir()) == []
