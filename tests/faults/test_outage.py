"""The database is away for a while in the middle of a crawl."""

from __future__ import annotations

import math
import threading

import pytest

from propload.earlier_runs.leftover_journals import leftovers
from propload_spiders.demo import DemoSite
from tests.acceptance.spiders.reading import open_ids
from tests.faults import loading
from tests.faults.server import ask, commits_of, wait_until

pytestmark = pytest.mark.timeout(240)

#: Far fewer retries than the outage takes: the journal has to hold the rows.
FEW = ["--retry-attempts", "3", "--retry-seconds", "60"]
#: Result pages of the whole crawl.
PAGES = 90
#: Listings on a page.
PAGE = 15
#: One page after the other, so that a gate stops the crawl where it is.
PACE = ("CONCURRENT_REQUESTS=1", "CONCURRENT_REQUESTS_PER_DOMAIN=1")


class Gate:
    """Holds back a site's responses after a given number of them."""

    def __init__(self, site):
        self._changed = threading.Condition()
        self._answered = 0
        self._limit = 0
        self._answer = site._server._answer
        site._server._answer = self._pass

    def _pass(self, path):
        with self._changed:
            assert self._changed.wait_for(lambda: self._answered < self._limit, 120)
            self._answered += 1
            self._changed.notify_all()
        return self._answer(path)

    def allow(self, limit):
        with self._changed:
            self._limit = limit
            self._changed.notify_all()

    def wait_for(self, answered):
        with self._changed:
            assert self._changed.wait_for(lambda: self._answered >= answered, 120)


def test_crawl_continues_into_the_journal_and_is_loaded_afterwards(server, dsn, long):
    with DemoSite(listings=PAGES * PAGE) as site:
        gate = Gate(site)
        arguments = [*loading.crawl_arguments(site), "--to", dsn, "--table", "homes"]
        for setting in PACE:
            arguments += ["--set", setting]
        with loading.start(
            "ingest", "spider:funda", *arguments, *FEW, "--json"
        ) as crawl:
            gate.allow(PAGES // 3)
            wait_until(lambda: crawl.ended or commits_of(dsn) >= 2, seconds=120)
            server.stop()
            # the crawl goes on while nothing can be loaded
            gate.allow(2 * PAGES // 3)
            gate.wait_for(2 * PAGES // 3)
            # the retries that would have ended the load of a file are used up
            crawl.wait_for("attempt 3 failed", seconds=120)
            if long:
                threading.Event().wait(60)
            assert not crawl.ended, crawl.log
            during = site.served.listings
            server.start()
            gate.allow(math.inf)
            report = crawl.report()
        counts = loading.counts_of(report)
        served, listings = site.served.listings, site.listings
    # the crawl had more to read after that
    assert during < served
    assert report["status"] == "loaded"
    assert counts.rejected == 0
    assert served == open_ids(site)
    rows = ask(dsn, "SELECT listing_id, list_price FROM homes")
    assert dict(rows) == {key: listings[key].price for key in served}
    assert len(rows) == len(served)
    assert not leftovers()
