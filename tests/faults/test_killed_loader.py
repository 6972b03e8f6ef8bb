"""kill -9 of the loading process at random moments loses and duplicates no row."""

from __future__ import annotations

import pytest

import propload
from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.state.unfinished_runs import UnfinishedRunStore
from propload_spiders.demo import DemoSite
from tests.acceptance.spiders.reading import open_ids
from tests.faults import loading
from tests.faults.server import ask, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(240)

ROWS, BAD = 12_000, 40


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_killed_load_of_a_file_loses_and_duplicates_no_row(
    dsn, state_dir, tmp_path, chance, long, mode
):
    file = tmp_path / "homes.csv"
    frame = loading.listings(ROWS, chance=chance, keys=9_000, bad=BAD)
    frame.write_csv(file)
    for _ in range(25 if long else 1):
        run_sql(dsn, "DROP TABLE IF EXISTS homes", loading.table_sql(mode=mode))
        arguments = ["ingest", file, *loading.arguments(dsn, mode=mode), "--json"]
        killed, resume = 0, []
        for _ in range(4 if long else 2):
            with loading.start(*arguments, *resume) as process:
                killed += loading.kill_at_random(process, dsn, chance) == -9
            resume = ["--resume", "true"]
        report = resume_to_the_end(arguments, resume)
        counts = loading.counts_of(report)
        assert killed >= 1
        assert (counts.read, counts.rejected) == (ROWS, BAD)
        assert loading.stored(dsn).equals(loading.expected(frame, mode=mode))
        refused = propload.rejects(report["run_id"], state_dir=state_dir)
        assert refused["propload_row"].n_unique() == refused.height == BAD


def resume_to_the_end(arguments, resume):
    """Resume a load, and return its report even if it had already ended."""
    with loading.start(*arguments, *resume) as process:
        return process.report()


#: Puts rows and prints which were acknowledged; `mode` and batch size vary.
PUSHER = """
import sys
import propload
dsn, mode, first, last, size = sys.argv[1:3] + [int(n) for n in sys.argv[3:]]
key = {"key": "id"} if mode == "upsert" else {}
with propload.Loader(to=dsn, table="homes", mode=mode, progress=False,
                     batch_rows=200, batch_seconds=0.01,
                     journal_bytes=100_000, **key) as loader:
    for start in range(first, last, size):
        rows = [{"id": n, "price": n * 7} for n in range(start, start + size)]
        loader.put(rows)
        print(start + size, flush=True)
"""


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_acknowledged_rows_survive_a_kill(dsn, chance, long, mode):
    key = "PRIMARY KEY" if mode == "upsert" else ""
    run_sql(dsn, f"CREATE TABLE homes (id bigint {key}, price bigint)")
    first = 0
    for _ in range(25 if long else 2):
        process = loading.start_python(PUSHER, dsn, mode, first, 10**9, 7)
        with process:
            loading.kill_at_random(process, dsn, chance, max_commits=15)
        acknowledged = int(process.out[-1]) if process.out else first
        reports = recover(to=dsn, progress=False)
        for report in reports:
            report.counts.verify()
        ids = [n for (n,) in ask(dsn, "SELECT id FROM homes ORDER BY id")]
        # the rows of a put that was cut off may be there or not, but all or none
        assert len(ids) in {acknowledged, acknowledged + 7}, reports
        assert ids == list(range(len(ids)))
        assert not leftovers()
        first = len(ids)


#: Loads rows that cannot be read a second time.
GENERATOR = """
import sys
import propload
dsn, mode = sys.argv[1:3]
key = {"key": "id"} if mode == "upsert" else {}
rows = ({"id": n, "price": n * 7} for n in range(10**9))
propload.ingest(rows, to=dsn, table="homes", mode=mode, progress=False,
                batch_rows=200, batch_seconds=0.01, journal_bytes=4_000_000, **key)
"""


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_journaled_rows_of_a_generator_survive_a_kill(dsn, chance, long, mode):
    key = "PRIMARY KEY" if mode == "upsert" else ""
    for _ in range(25 if long else 1):
        create = f"CREATE TABLE homes (id bigint {key}, price bigint)"
        run_sql(dsn, "DROP TABLE IF EXISTS homes", create)
        with loading.start_python(GENERATOR, dsn, mode) as process:
            loading.kill_at_random(process, dsn, chance)
        before = ask(dsn, "SELECT count(*) FROM homes")[0][0]
        waiting = sum(one.rows for one in leftovers())
        recover(to=dsn, progress=False)
        ids = [n for (n,) in ask(dsn, "SELECT id FROM homes ORDER BY id")]
        assert len(ids) >= max(before, waiting)
        assert ids == list(range(len(ids)))
        assert not leftovers()


def test_run_is_listed_while_it_runs_and_after_it_was_killed(dsn, state_dir):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    unfinished = UnfinishedRunStore(state_dir / "runs")
    with loading.start_python(GENERATOR, dsn, "upsert") as process:
        wait_until(unfinished.newest)
        [running] = unfinished.newest()
        assert (running.status, running.pid) == ("running", process.pid)
        process.kill()
    [killed] = unfinished.newest()
    assert (killed.run_id, killed.status) == (running.run_id, "killed")
    assert killed.way == "recover"
    with loading.start("runs", "list") as process:
        assert process.wait() == 0
    assert any(killed.run_id in line and "killed" in line for line in process.out)
    [report] = recover(to=dsn, progress=False)
    assert report.run_id == killed.run_id
    assert unfinished.newest() == []


def test_killed_crawls_are_recovered_and_lose_no_listing(dsn, chance, long):
    with DemoSite(listings=80) as site:
        arguments = ["ingest", "spider:funda", *loading.crawl_arguments(site)]
        arguments += ["--to", dsn, "--table", "homes", "--key", "listing_id"]
        for _ in range(100 if long else 1):
            with loading.start(*arguments) as process:
                loading.kill_at_random(process, dsn, chance, max_commits=4)
            for one in leftovers():
                with loading.start("recover", one.run_id, "--to", dsn) as process:
                    assert process.wait() == 0, process.log
            assert not leftovers()
        with loading.start(*arguments, "--json") as process:
            loading.counts_of(process.report())
        found = {key for (key,) in ask(dsn, "SELECT listing_id FROM homes")}
        assert found == open_ids(site)
