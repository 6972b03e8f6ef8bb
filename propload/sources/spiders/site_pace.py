"""The pace that a site asks for, kept: by its robots.txt, by answers that say when."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from scrapy import Request, signals
from scrapy.utils.asyncio import call_later

from propload.config.values import read_seconds
from propload.messages.wording import counted
from propload.sources.spiders.ending import Brake, drop_queued, note_reason, taken_back
from propload.sources.spiders.hosts import host_of, is_loopback
from propload.sources.spiders.outcome import BLOCKED, MISSING, NOTES
from propload.sources.spiders.settings import PREFIX, read_own
from propload.sources.spiders.site_waits import (
    TOO_BUSY,
    asks_for_less,
    delay_told,
    wait_told,
)

if TYPE_CHECKING:
    from scrapy.core.downloader import Slot
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

log = logging.getLogger(__name__)

#: The setting for how long a site is waited for, and its default in seconds.
LONGEST_WAIT = f"{PREFIX}LONGEST_WAIT"
_LONGEST = 300.0
#: Seconds to wait first after a 429 that does not say for how long; then as long again
#: as was waited in a row: six requests, and the longest wait would be exceeded.
_UNSAID = 10.0
#: Where Scrapy notes whose turn a request takes.
_SLOT = "download_slot"
#: Marks a request whose answer is that the site is not to be asked again soon.
_REFUSED = "propload_refused"


class SitePace:
    """Asks a site no faster than its robots.txt wants, and waits where it says so.

    `Crawl-delay` and `Request-rate` hold where they ask for more time than is taken
    anyway, for sites that are not on this machine. After a 429 or 503 with
    `Retry-After` nothing is asked of the site for as long as it says, after a 429
    without it for 10 seconds, and ever longer where more of them follow; a site that
    wants more in a row than `PROPLOAD_LONGEST_WAIT` seconds refuses the crawl.

    A downloader middleware, and the nearest to the site.

    Raises:
        ConfigError: `PROPLOAD_LONGEST_WAIT` is no number of seconds.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._brake = Brake(crawler)
        self._longest = read_own(
            crawler.settings, "LONGEST_WAIT", _LONGEST, read_seconds
        )
        #: Seconds between two requests, by host.
        self._least: dict[str, float] = {}
        #: When each site may be asked again, and for how long it was waited in a row.
        self._until: dict[str, float] = {}
        self._in_a_row: dict[str, float] = {}
        self._waits, self._waited = 0, 0.0
        self._is_refused = False
        connect = crawler.signals.connect
        connect(self._on_opened, signals.spider_opened)
        connect(self._on_rules, signals.robots_parsed)
        connect(self._slow_down, signals.request_reached_downloader)
        # it hears of an answer after AutoThrottle, which is made before it, and before
        # the next request is sent
        connect(self._on_answer, signals.response_downloaded)
        connect(self._on_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SitePace:
        """Return what keeps the pace of a crawl."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Let a request that was led to another host take that host's turn.

        Scrapy 2.19 leaves it in the queue of the host that it came from.

        Raises:
            IgnoreRequest: A site has refused the crawl.
            DownloadCancelledError: The same, told to the request's errback.
        """
        if self._is_refused:
            # it waited for robots.txt meanwhile
            raise taken_back(request)
        led_by = request.meta.get("redirect_urls")
        if led_by and request.meta.get(_SLOT) == self._slot_of(led_by[-1]):
            del request.meta[_SLOT]

    def _slot_of(self, url: str) -> str:
        return self._crawler.engine.downloader.get_slot_key(Request(url))

    def _on_opened(self) -> None:
        note_reason(self._crawler.engine, self._on_end)

    def _on_end(self, _reason: str) -> None:
        # nobody who ends a crawl wants to wait minutes for its last requests; with
        # JOBDIR they would be missing from the crawl that continues
        waits = any(until > time.monotonic() for until in self._until.values())
        if waits and not self._crawler.settings.get("JOBDIR"):
            drop_queued(self._crawler)

    # ---- robots.txt ----

    def _on_rules(self, robotparser: RobotParser, request: Request) -> None:
        settings, host = self._crawler.settings, host_of(request.url)
        agent = settings["ROBOTSTXT_USER_AGENT"] or request.headers.get("User-Agent")
        seconds = delay_told(robotparser, _text(agent or settings["USER_AGENT"]))
        if not seconds or is_loopback(request.url):
            return
        told = f"robots.txt of {host} asks for {_said(seconds)} between two pages"
        if seconds > self._longest:
            self._refuse(told)
            return
        log.info("%s", told)
        self._least[host] = max(seconds, self._least.get(host, 0.0))

    def _slow_down(self, request: Request) -> Slot | None:
        """Return the slot of a request, as slow as its host's robots.txt wants it."""
        slot = self._crawler.engine.downloader.slots.get(request.meta.get(_SLOT, ""))
        least = self._least.get(host_of(request.url))
        if slot is not None and least:
            slot.delay = max(slot.delay, least)
            # a part of the waits would be shorter
            slot.jitter = 0.0
        return slot

    # ---- Retry-After ----

    def _on_answer(self, response: Response, request: Request) -> None:
        slot, key = self._slow_down(request), request.meta.get(_SLOT, "")
        if response.status not in TOO_BUSY:
            self._in_a_row.pop(key, None)
        told, now = wait_told(response), time.monotonic()
        said = f"asks to wait {_said(told)} (HTTP {response.status}, Retry-After"
        if not told and asks_for_less(response):
            told = self._unsaid(request, key)
            said = f"answers HTTP 429, without a Retry-After (to wait {_said(told)}"
        # other requests were under way when the site said it first
        more = now + told - max(now, self._until.get(key, now))
        if slot is None or more <= 0:
            return
        before = self._in_a_row.get(key, 0.0)
        self._in_a_row[key] = before + more
        if before + more > self._longest:
            # an answer to read, and none to try again
            request.meta["dont_retry"] = request.meta[_REFUSED] = True
            row = f"; {_said(before + more)} in a row" if before else ""
            self._refuse(f"{request.url} {said}{row})")
            return
        log.warning("%s %s): nothing is asked of it until then", request.url, said)
        self._waits, self._waited = self._waits + 1, self._waited + more
        self._until[key] = now + told
        self._hold(slot, told)

    def _unsaid(self, request: Request, key: str) -> float:
        """Return how long to wait for a site that has said only that it is too much."""
        if is_loopback(request.url) or self._until.get(key, 0.0) > time.monotonic():
            return 0.0
        return max(_UNSAID, self._in_a_row.get(key, 0.0))

    def _hold(self, slot: Slot, seconds: float) -> None:
        """Let nothing be sent from a slot for so long."""
        if slot.latercall:
            slot.latercall.cancel()
        downloader = self._crawler.engine.downloader
        # as Scrapy itself waits for a delay to pass
        slot.latercall = call_later(seconds, downloader._latercall, slot)  # noqa: SLF001
        # slots of which nothing is heard for a while are thrown away
        slot.lastseen = time.monotonic() + seconds

    def _refuse(self, told: str) -> None:
        sentence = (
            f"{told}, longer than {LONGEST_WAIT} ({_said(self._longest)}): crawl again "
            f"later, or allow a longer wait ({LONGEST_WAIT}=SECONDS, in settings.py or "
            "by --set)"
        )
        log.error("%s", sentence)
        # why all is missing, before what is
        stats, self._is_refused = self._crawler.stats, True
        stats.set_value(MISSING, [sentence, *(stats.get_value(MISSING) or ())])
        self._brake.pull(BLOCKED)
        # with JOBDIR not later either
        drop_queued(self._crawler)

    def _on_closed(self) -> None:
        if self._waits:
            times = counted(self._waits, "time")
            waited = f"{times}, {_said(self._waited)}"
            sentence = f"waited for the site (Retry-After, HTTP 429): {waited}"
            stats = self._crawler.stats
            stats.set_value(NOTES, [*(stats.get_value(NOTES) or ()), sentence])


def is_refused(request: Request | None, /) -> bool:
    """Return whether a site has answered that it is not to be asked again soon."""
    return request is not None and bool(request.meta.get(_REFUSED))


def _text(agent: str | bytes) -> str:
    return agent.decode("latin-1") if isinstance(agent, bytes) else agent


def _said(seconds: float) -> str:
    return f"{seconds:,.1f}".removesuffix(".0") + " s"
