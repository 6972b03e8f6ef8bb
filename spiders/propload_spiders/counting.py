"""The counts of a crawl in Scrapy's stats, and its notes on what is missing.

The names that any spider may use are in `propload.sources.spiders.outcome`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from propload.messages.wording import counted
from propload.sources.spiders.outcome import MISSING, NOTES

if TYPE_CHECKING:
    from scrapy import Spider

#: Search pages that were read.
SEARCH_PAGES = "crawl/search_pages"
#: Detail pages that were read.
DETAIL_PAGES = "crawl/detail_pages"
#: Saved pages that were read.
SAVED_PAGES = "crawl/saved_pages"
#: Saved pages that are dated only by the modification time of their file.
DATED_BY_FILE = "crawl/saved_pages_dated_by_file"
#: Different listings that were seen.
LISTINGS = "crawl/listings"
#: Listings that were seen on an earlier page and are skipped.
REPEATED = "crawl/listings_repeated"
#: Listings that a page holds in a form that cannot be read.
UNREAD_LISTINGS = "crawl/listings_unread"
#: Listings whose page is gone.
WITHDRAWN = "crawl/listings_withdrawn"
#: Search pages that could not be fetched at any attempt.
LOST_SEARCH_PAGES = "crawl/search_pages_lost"
#: Detail pages that could not be fetched; the search page's texts are used instead.
LOST_DETAIL_PAGES = "crawl/detail_pages_lost"
#: Addresses that redirect to a page that was requested by another address.
LED_ELSEWHERE = "crawl/led_elsewhere"
#: Search pages without a card although the search has listings.
EMPTY_PAGES = "crawl/search_pages_without_cards"
#: Pages read from JSON-LD or markup because their payload is missing.
FALLBACK_PAGES = "crawl/search_pages_without_payload"
#: Places unknown to the site, for which it served other listings.
UNKNOWN_PLACES = "crawl/places_unknown"
#: Responses that were a block page or a refusal.
BLOCKED = "crawl/blocked"
#: Pages that robots.txt forbids.
FORBIDDEN = "crawl/forbidden_by_robots"
#: Whether listings were seen, but not handed over before the crawl ended.
UNDELIVERED = "crawl/undelivered"

#: Most sentences kept: further ones would add nothing to the counts.
_MOST_SENTENCES = 100


class Notes:
    """Counts of a crawl, and sentences about what is missing from it.

    Args:
        spider: The spider whose stats and log they go to.
    """

    def __init__(self, spider: Spider, /) -> None:
        self._spider = spider

    def count(self, name: str, times: int = 1, /) -> None:
        """Add to a count."""
        if times:
            self._spider.crawler.stats.inc_value(name, times)

    def count_of(self, name: str, /) -> int:
        """Return a count."""
        return int(self._spider.crawler.stats.get_value(name, 0))

    def add_missing(
        self,
        name: str,
        sentence: str,
        /,
        *,
        times: int = 1,
        level: int = logging.ERROR,
    ) -> None:
        """Count something that is missing, and say in log and stats what it is.

        Args:
            name: The name of the count.
            sentence: What is missing, and why.
            times: By how much the count increases.
            level: The log level.
        """
        self.count(name, times)
        self._add_sentence(MISSING, sentence, level)

    def add_note(self, sentence: str, /) -> None:
        """Note in log and stats something that the user should know."""
        self._add_sentence(NOTES, sentence, logging.WARNING)

    def add_refusal(self, status: int, url: str, /) -> None:
        """Count a refusal by the site; explain the first one in log and stats.

        Further ones come from requests that were already sent.
        """
        if not self.count_of(BLOCKED):
            self._explain(
                f"the site refuses this crawl (HTTP {status} at {url}): it ends here, "
                "what was read is kept. Wait before the next crawl, ask for less, or "
                "read saved pages (pages=FOLDER)"
            )
        self.count(BLOCKED)

    def add_forbidden(self, url: str, /) -> None:
        """Note that robots.txt forbids a page."""
        self.add_missing(FORBIDDEN, f"robots.txt forbids {url}")

    def add_all_forbidden(self, site: str, /) -> None:
        """Note that a site's robots.txt forbids every page."""
        self._explain(
            f"robots.txt of {site} forbids every page that was asked for, so nothing "
            "was read. Start from detail pages that you may read (start_urls=...) or "
            "from saved pages (pages=FOLDER)"
        )

    def _explain(self, sentence: str) -> None:
        """Log why everything is missing, and put it before other notes in the stats."""
        self._spider.logger.error("%s", sentence)
        stats = self._spider.crawler.stats
        stats.set_value(MISSING, [sentence, *(stats.get_value(MISSING) or [])])

    def add_explanations(self) -> None:
        """Add notes that explain some counts, once the crawl has ended."""
        for name, sentence in (
            (DATED_BY_FILE, _dated_by_file),
            (FALLBACK_PAGES, _read_from_cards),
        ):
            if number := self.count_of(name):
                self.add_note(sentence(number))

    def _add_sentence(self, where: str, sentence: str, level: int) -> None:
        self._spider.logger.log(level, "%s", sentence)
        stats = self._spider.crawler.stats
        sentences: list[str] = stats.get_value(where) or []
        if len(sentences) < _MOST_SENTENCES:
            stats.set_value(where, [*sentences, sentence])


def _dated_by_file(pages: int) -> str:
    subject = counted(pages, "saved page is", "saved pages are")
    files = "the time of its file" if pages == 1 else "the times of their files"
    return (
        f"{subject} dated by {files}, which is that of the copy if a file was copied "
        "or unpacked: state with --as-of (in a Scrapy project PROPLOAD_AS_OF) when "
        "they were read"
    )


def _read_from_cards(pages: int) -> str:
    return (
        f"{counted(pages, 'search page')} came without the data that they are rendered "
        "from: their cards were read instead, which hold less"
    )
