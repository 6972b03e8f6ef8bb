"""A crawl that is ended at once, with the sink's real loader."""

import signal

import pytest

from propload.earlier.leftovers import leftovers
from propload.earlier.recovering import recover
from tests.acceptance.crawls.test_sink import wait_for_log

pytestmark = [pytest.mark.timeout(90), pytest.mark.one_server]


@pytest.mark.parametrize("collected", ["all", "none"])
def test_two_signals_leave_rows_in_the_journal_and_say_how_they_are_loaded(
    project, database, collected
):
    process = project.start(
        "homes",
        "PROPLOAD_LOADER=",
        f"PROPLOAD_TO={database}",
        "PROPLOAD_MODE=append",
        "PROPLOAD_BATCH_SECONDS=3600",
        f"PROPLOAD_FLUSH_ROWS={1000 if collected == 'all' else 1}",
        "PROPLOAD_FLUSH_SECONDS=3600",
        hold="yes",
    )
    assert project.site.held.wait(60)
    project.site.wait_for_pages(5)
    # a page that is held keeps the crawl from ending by itself
    process.send_signal(signal.SIGINT)
    wait_for_log(process, "Closing spider (shutdown)")
    process.send_signal(signal.SIGINT)
    _out, log = process.communicate(timeout=30)
    [left] = leftovers()
    assert (
        "the crawl was ended at once, before all of it was loaded into public.homes: "
        "at most 50 rows wait in the journal. To load them: "
        f"propload recover {left.run_id}. Stopped once (Ctrl-C), a crawl loads"
    ) in log
    assert "Close a Loader" not in log
    [report] = recover(left.run_id, to=database)
    assert report.counts.inserted == 50
