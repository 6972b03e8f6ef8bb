"""The database away for a while in the midst of a crawl."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from propload.recovering import leftovers
from propload_spiders.demo import DemoSite
from tests.faults import loading
from tests.faults.server import ask, commits_of, wait_until

pytestmark = pytest.mark.timeout(120)

#: Far fewer than any outage of this test takes: the journal has to carry the crawl.
#: The second one comes after a wait that the start of the server has time in.
FEW = ["--retry-attempts", "3", "--retry-seconds", "60"]
#: Result pages that a crawl asks for while the server is away, and as many after.
PAGES = 60
#: Listings on a page.
PAGE = 15


def is_served(site, listings, crawl):
    return crawl.ended or len(site.served.listings) >= listings


def test_a_crawl_goes_on_into_the_journal_and_drains(server, dsn, long):
    seconds = 60 if long else 3
    # one page after the other, so that the crawl outlasts the outage
    pace = {"DOWNLOAD_DELAY": seconds / PAGES, "RANDOMIZE_DOWNLOAD_DELAY": False}
    pace |= {"CONCURRENT_REQUESTS": 1, "CONCURRENT_REQUESTS_PER_DOMAIN": 1}
    with DemoSite(listings=2 * PAGES * PAGE) as site:
        words = [*loading.crawl_words(site), "--to", dsn, "--table", "homes"]
        for name, value in pace.items():
            words += ["--set", f"{name}={value}"]
        with loading.start("ingest", "spider:funda", *words, *FEW, "--json") as crawl:
            wait_until(lambda: crawl.ended or commits_of(dsn) >= 2)
            before = len(site.served.listings)
            server.stop()
            threading.Event().wait(seconds)
            # the crawl goes on at its pace while nothing can be loaded
            goal = before + PAGES * PAGE // 2
            wait_until(partial(is_served, site, goal, crawl))
            assert not crawl.ended, crawl.log
            during = site.served.listings
            server.start()
            report = crawl.report()
        counts = loading.counts_of(report)
        served, true = site.served.listings, site.listings
    # and it had more to come
    assert during < served
    # more than the retries that would have ended the load of a file
    assert report["retries"] > 3
    assert report["status"] == "loaded"
    assert counts.rejected == 0
    assert served == loading.listed_on(site)
    rows = ask(dsn, "SELECT listing_id, list_price FROM homes")
    assert dict(rows) == {key: true[key].price for key in served}
    assert len(rows) == len(served)
    assert not leftovers()
