"""The database away for a while in the midst of a crawl."""

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

#: Far fewer than any outage of this test takes: the journal has to carry the crawl.
FEW = ["--retry-attempts", "3", "--retry-seconds", "60"]
#: Result pages of the whole crawl.
PAGES = 90
#: Listings on a page.
PAGE = 15
#: One page after the other, so that a gate holds the crawl where it stands.
PACE = ("CONCURRENT_REQUESTS=1", "CONCURRENT_REQUESTS_PER_DOMAIN=1")


class Gate:
    """Holds a site's answers back beyond a number of them."""

    def __init__(self, site):
        self._changed = threading.Condition()
        self._answered = 0
        self._most = 0
        self._answer = site._server._answer
        site._server._answer = self._pass

    def _pass(self, path):
        with self._changed:
            assert self._changed.wait_for(lambda: self._answered < self._most, 120)
            self._answered += 1
            self._changed.notify_all()
        return self._answer(path)

    def let(self, most):
        with self._changed:
            self._most = most
            self._changed.notify_all()

    def wait_for(self, answered):
        with self._changed:
            assert self._changed.wait_for(lambda: self._answered >= answered, 120)


def test_a_crawl_goes_on_into_the_journal_and_drains(server, dsn, long):
    with DemoSite(listings=PAGES * PAGE) as site:
        gate = Gate(site)
        words = [*loading.crawl_words(site), "--to", dsn, "--table", "homes"]
        for setting in PACE:
            words += ["--set", setting]
        with loading.start("ingest", "spider:funda", *words, *FEW, "--json") as crawl:
            gate.let(PAGES // 3)
            wait_until(lambda: crawl.ended or commits_of(dsn) >= 2, seconds=120)
            server.stop()
            # the crawl goes on while nothing can be loaded
            gate.let(2 * PAGES // 3)
            gate.wait_for(2 * PAGES // 3)
            # the retries that would have ended the load of a file are used up
            crawl.wait_for("attempt 3 failed", seconds=120)
            if long:
                threading.Event().wait(60)
            assert not crawl.ended, crawl.log
            during = site.served.listings
            server.start()
            gate.let(math.inf)
            report = crawl.report()
        counts = loading.counts_of(report)
        served, true = site.served.listings, site.listings
    # and it had more to come
    assert during < served
    assert report["status"] == "loaded"
    assert counts.rejected == 0
    assert served == open_ids(site)
    rows = ask(dsn, "SELECT listing_id, list_price FROM homes")
    assert dict(rows) == {key: true[key].price for key in served}
    assert len(rows) == len(served)
    assert not leftovers()
