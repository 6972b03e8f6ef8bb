"""A crawl that is ended immediately, with the sink's real loader."""

import signal

import pytest

from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.postgres.session.connection import connect
from tests.acceptance.crawls.test_sink import wait_for_log
from tests.faults.server import wait_until
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(90), pytest.mark.one_server]


def begin(project, database, *settings):
    """Start a crawl that would store its rows at its end, which a held page delays."""
    process = project.start(
        "homes",
        "PROPLOAD_LOADER=",
        f"PROPLOAD_TO={database}",
        "PROPLOAD_MODE=append",
        "PROPLOAD_BATCH_SECONDS=3600",
        *settings,
        last="hold",
    )
    assert project.site.held.wait(60)
    project.site.wait_for_pages(5)
    return process


@pytest.mark.parametrize("collected", ["all", "none"])
def test_two_signals_leave_rows_in_the_journal_and_say_how_to_load_them(
    project, database, collected
):
    rows = 1000 if collected == "all" else 1
    settings = (f"PROPLOAD_FLUSH_ROWS={rows}", "PROPLOAD_FLUSH_SECONDS=3600")
    process = begin(project, database, *settings)
    process.send_signal(signal.SIGINT)
    wait_for_log(process, "Closing spider (shutdown)")
    process.send_signal(signal.SIGINT)
    _out, log = process.communicate(timeout=30)
    [left] = leftovers()
    assert (
        "the crawl was ended immediately, before all of it was loaded into "
        "public.homes: at most 50 rows wait in the journal. To load them: "
        f"propload recover {left.run_id}. Stopped once (Ctrl-C), a crawl commits"
    ) in log
    assert "Close a Loader" not in log
    [report] = recover(left.run_id, to=database)
    assert report.counts.inserted == 50


def test_second_signal_while_the_last_rows_are_written_names_their_run(
    project, database
):
    run_sql(database, "CREATE TABLE homes (url text, number bigint)")
    process = begin(project, database)
    with connect(database) as session:
        session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
        process.send_signal(signal.SIGINT)
        project.site.released.set()
        # all that is left for the crawl is to wait for its load
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        wait_until(lambda: query(database, waiting))
        process.send_signal(signal.SIGINT)
        _out, log = process.communicate(timeout=30)
    [left] = leftovers()
    assert (
        "before all of it was loaded into public.homes: at most 60 rows wait in the "
        f"journal. To load them: propload recover {left.run_id}."
    ) in log
    [report] = recover(left.run_id, to=database)
    assert report.counts.inserted == 60
