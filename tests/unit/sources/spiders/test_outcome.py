from __future__ import annotations

import pytest
from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Request, Response
from scrapy.http.request import NO_CALLBACK

from propload.errors import BlockedError, SourceError
from propload.sources.spiders.ending import dropped_request_error
from propload.sources.spiders.outcome import CrawlOutcome
from propload.sources.spiders.watching import Watch


def outcome_of(**details):
    return CrawlOutcome("homes", **{"finish_reason": "finished", "pages": 1, **details})


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (CrawlOutcome("s", "finished", pages=1, items=1), None),
        (CrawlOutcome("s", "shutdown"), None),
        (CrawlOutcome("s", "finished"), SourceError),
        (CrawlOutcome("s", "start_error", items=5), SourceError),
        (CrawlOutcome("s", "blocked", items=5), BlockedError),
        (CrawlOutcome("s", "robots"), BlockedError),
        (CrawlOutcome("s", "finished", robots_forbidden=2), BlockedError),
        (CrawlOutcome("s", "finished", pages=2, statuses={403: 2}), BlockedError),
        (CrawlOutcome("s", "finished", pages=2, statuses={404: 2}), SourceError),
        (
            CrawlOutcome("s", "finished", pages=2, items=1, statuses={200: 1, 403: 1}),
            None,
        ),
    ],
)
def test_outcome_raises_the_matching_error(outcome, error):
    if error is None:
        outcome.raise_for_failure()
        return
    with pytest.raises(SourceError) as caught:
        outcome.raise_for_failure()
    assert type(caught.value) is error


def test_search_that_finds_nothing_is_no_failure():
    empty = outcome_of(empty_searches=1)
    empty.raise_for_failure()
    assert "searches that found nothing, says the site: 1" in empty.notes


@pytest.mark.parametrize(
    "loss",
    [{"missing": ("page 2 is missing",)}, {"errors": 1}, {"lost_pages": 1}],
    ids=lambda loss: next(iter(loss)),
)
def test_empty_search_is_a_failure_if_something_was_lost(loss):
    with pytest.raises(SourceError, match=r"gave no items from 1 page\b"):
        outcome_of(empty_searches=1, **loss).raise_for_failure()


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"finish_reason": "closespider_itemcount"}, "ended early: closespider_item"),
        ({"lost_pages": 1}, "1 page could not be fetched"),
        ({"errors": 2}, "raised 2 exceptions"),
        ({"item_errors": 2}, "an item pipeline raised on 2 items"),
        ({"missing": ("page 7 is missing",)}, "page 7 is missing"),
        ({"missing": tuple("abcdef")}, "a; b; c; d; 2 more"),
    ],
)
def test_incomplete_crawl_says_why_rows_may_be_missing(details, reason):
    assert reason in outcome_of(items=5, **details).incomplete


def test_gone_pages_and_dropped_items_do_not_make_a_crawl_incomplete():
    whole = outcome_of(
        items=5,
        gone_pages=1,
        dropped_items=2,
        robots_forbidden=1,
        examples=("x is gone",),
    )
    assert whole.incomplete == ""
    assert "1 page is gone, according to the site (404, 410)" in whole.notes


@pytest.mark.parametrize(
    ("status", "lost", "gone"),
    [(200, 0, 0), (404, 0, 1), (410, 0, 1), (403, 1, 0), (500, 1, 0)],
)
def test_status_decides_if_a_page_counts_as_lost_or_gone(status, lost, gone):
    watch = Watch.from_crawler(Crawler(Spider))
    url = "http://example.org/1"
    watch.process_response(Request(url), Response(url, status=status))
    assert (watch.lost_pages, watch.gone_pages) == (lost, gone)


@pytest.mark.parametrize(
    ("callback", "lost"),
    [(NO_CALLBACK, 0), (Spider.parse, 1), (None, 1)],
    ids=["robots.txt", "a page with a callback", "a page of parse()"],
)
def test_failed_robots_txt_request_is_no_lost_page(callback, lost):
    watch = Watch.from_crawler(Crawler(Spider))
    meta = {"dont_obey_robotstxt": True}
    request = Request("http://example.org/1", callback=callback, meta=meta)
    watch.process_response(request, Response(request.url, status=500))
    watch.process_exception(request, TimeoutError("too slow"))
    assert watch.lost_pages == 2 * lost
    assert len(watch.examples) == 2 * lost


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (DownloadCancelledError("larger than download max size (9)"), 1),
        (IgnoreRequest("its body exceeded DOWNLOAD_MAXSIZE (9 B)"), 1),
        (TimeoutError("too slow"), 1),
        (IgnoreRequest("not wanted"), 0),
        (dropped_request_error(Request("http://example.org/1")), 0),
        (dropped_request_error(Request("http://example.org/1", errback=print)), 0),
    ],
    ids=["large", "unpacked", "failed", "ignored", "not sent", "with an errback"],
)
def test_a_failure_is_a_lost_page_unless_nobody_wants_the_page(error, lost):
    watch = Watch.from_crawler(Crawler(Spider))
    watch.process_exception(Request("http://example.org/1"), error)
    assert watch.lost_pages == lost


def test_reason_of_a_block_replaces_the_general_advice():
    blocked = outcome_of(finish_reason="blocked", missing=("refused: wait a day",))
    with pytest.raises(BlockedError) as caught:
        blocked.raise_for_failure()
    assert "wait a day" in str(caught.value)
    assert "ask for less" not in str(caught.value)
    with pytest.raises(BlockedError, match="ask for less"):
        outcome_of(finish_reason="blocked").raise_for_failure()
