"""Keeps to the pace that a site asks for, in its robots.txt and in its responses."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from scrapy import Request, signals
from scrapy.utils.asyncio import call_later

from propload.config.values import read_seconds
from propload.messages.wording import counted
from propload.sources.spiders.ending import (
    CrawlStopper,
    drop_queued,
    dropped_request_error,
    note_reason,
)
from propload.sources.spiders.hosts import host_of, is_loopback
from propload.sources.spiders.outcome import BLOCKED, MISSING, NOTES
from propload.sources.spiders.settings import PREFIX, read_own
from propload.sources.spiders.site_waits import (
    TOO_BUSY,
    asks_for_less,
    crawl_delay,
    retry_after,
)

if TYPE_CHECKING:
    from scrapy.core.downloader import Slot
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

log = logging.getLogger(__name__)

#: The setting for the longest wait for a site, and its default in seconds.
LONGEST_WAIT = f"{PREFIX}LONGEST_WAIT"
_LONGEST = 300.0
#: Seconds to wait after a first 429 that does not say how long. Each further wait is as
#: long as all those before it in a row: the sixth would exceed the longest wait.
_FIRST_WAIT = 10.0
#: The key in a request's `meta` under which Scrapy notes its download slot.
_SLOT = "download_slot"
#: The key in the `meta` of a request whose site wants a longer wait than is allowed.
_REFUSED = "propload_refused"


class SitePace:
    """Sends requests no faster than a site's robots.txt asks, and waits if told to.

    `Crawl-delay` and `Request-rate` apply if they ask for more time than is taken
    anyway, and the site is not on this machine. After a 429 or 503 with `Retry-After`,
    nothing is requested from the site for that time; after a 429 without it, for 10
    seconds, and for longer and longer if more of them follow. A site that wants more
    than `PROPLOAD_LONGEST_WAIT` seconds in a row counts as refusing the crawl.

    This is the downloader middleware nearest to the site.

    Raises:
        ConfigError: `PROPLOAD_LONGEST_WAIT` is not a number of seconds.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._stopper = CrawlStopper(crawler)
        self._longest = read_own(
            crawler.settings, "LONGEST_WAIT", _LONGEST, read_seconds
        )
        #: Seconds between two requests, by host.
        self._least_delay: dict[str, float] = {}
        #: By slot: when it may send again, and how long it has waited in a row.
        self._paused_until: dict[str, float] = {}
        self._consecutive_seconds: dict[str, float] = {}
        self._wait_count, self._wait_seconds = 0, 0.0
        self._is_refused = False
        connect = crawler.signals.connect
        connect(self._on_opened, signals.spider_opened)
        connect(self._on_rules, signals.robots_parsed)
        connect(self._slow_down, signals.request_reached_downloader)
        # called after AutoThrottle, which connects earlier, and before the next request
        # is sent
        connect(self._on_answer, signals.response_downloaded)
        connect(self._on_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SitePace:
        """Return the middleware of a crawl."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Move a request that was redirected to another host to that host's slot.

        Scrapy 2.19 leaves it in the slot of the host that redirected it.

        Raises:
            IgnoreRequest: A site has refused the crawl.
            DownloadCancelledError: The same, for a request that has an errback.
        """
        if self._is_refused:
            # it was waiting for robots.txt when the site refused
            raise dropped_request_error(request)
        redirected_from = request.meta.get("redirect_urls")
        if redirected_from and request.meta.get(_SLOT) == self._slot_of(
            redirected_from[-1]
        ):
            del request.meta[_SLOT]

    def _slot_of(self, url: str) -> str:
        return self._crawler.engine.downloader.get_slot_key(Request(url))

    def _on_opened(self) -> None:
        note_reason(self._crawler.engine, self._on_end)

    def _on_end(self, _reason: str) -> None:
        # the end of a crawl is not to wait minutes for its last requests; with JOBDIR
        # they stay, as they would be missing from the crawl that continues this one
        waits = any(until > time.monotonic() for until in self._paused_until.values())
        if waits and not self._crawler.settings.get("JOBDIR"):
            drop_queued(self._crawler)

    # ---- robots.txt ----

    def _on_rules(self, robotparser: RobotParser, request: Request) -> None:
        settings, host = self._crawler.settings, host_of(request.url)
        agent = settings["ROBOTSTXT_USER_AGENT"] or request.headers.get("User-Agent")
        seconds = crawl_delay(robotparser, _text(agent or settings["USER_AGENT"]))
        if not seconds or is_loopback(request.url):
            return
        message = (
            f"robots.txt of {host} asks for {_duration(seconds)} between two pages"
        )
        if seconds > self._longest:
            self._refuse(message)
            return
        log.info("%s", message)
        self._least_delay[host] = max(seconds, self._least_delay.get(host, 0.0))

    def _slow_down(self, request: Request) -> Slot | None:
        """Return the slot of a request, slowed down to what its host asks for."""
        slot = self._crawler.engine.downloader.slots.get(request.meta.get(_SLOT, ""))
        least = self._least_delay.get(host_of(request.url))
        if slot is not None and least:
            slot.delay = max(slot.delay, least)
            # with jitter, some of the waits would be shorter
            slot.jitter = 0.0
        return slot

    # ---- Retry-After ----

    def _on_answer(self, response: Response, request: Request) -> None:
        slot, key = self._slow_down(request), request.meta.get(_SLOT, "")
        if response.status not in TOO_BUSY:
            self._consecutive_seconds.pop(key, None)
        wait, now = retry_after(response), time.monotonic()
        reply = f"asks to wait {_duration(wait)} (HTTP {response.status}, Retry-After"
        if not wait and asks_for_less(response):
            wait = self._default_wait(request, key)
            reply = (
                f"answers HTTP 429, without a Retry-After (to wait {_duration(wait)}"
            )
        # count only the added time: several requests under way may get this response
        added = now + wait - max(now, self._paused_until.get(key, now))
        if slot is None or added <= 0:
            return
        before = self._consecutive_seconds.get(key, 0.0)
        self._consecutive_seconds[key] = before + added
        if before + added > self._longest:
            # the response is passed on, and the request is not retried
            request.meta["dont_retry"] = request.meta[_REFUSED] = True
            in_a_row = f"; {_duration(before + added)} in a row" if before else ""
            self._refuse(f"{request.url} {reply}{in_a_row})")
            return
        log.warning("%s %s): nothing is asked of it until then", request.url, reply)
        self._wait_count, self._wait_seconds = (
            self._wait_count + 1,
            self._wait_seconds + added,
        )
        self._paused_until[key] = now + wait
        self._pause_slot(slot, wait)

    def _default_wait(self, request: Request, key: str) -> float:
        """Return the seconds to wait after a 429 that does not say how long.

        It is 0 for a site on this machine, and for a slot that waits already.
        """
        if (
            is_loopback(request.url)
            or self._paused_until.get(key, 0.0) > time.monotonic()
        ):
            return 0.0
        return max(_FIRST_WAIT, self._consecutive_seconds.get(key, 0.0))

    def _pause_slot(self, slot: Slot, seconds: float) -> None:
        """Send nothing from a slot for so many seconds."""
        if slot.latercall:
            slot.latercall.cancel()
        downloader = self._crawler.engine.downloader
        # this is how Scrapy itself waits for a delay
        slot.latercall = call_later(seconds, downloader._latercall, slot)  # noqa: SLF001
        # Scrapy discards slots that were not used for a while
        slot.lastseen = time.monotonic() + seconds

    def _refuse(self, message: str) -> None:
        sentence = (
            f"{message}, longer than {LONGEST_WAIT} ({_duration(self._longest)}): "
            f"crawl again later, or allow a longer wait ({LONGEST_WAIT}=SECONDS, in "
            "settings.py or by --set)"
        )
        log.error("%s", sentence)
        # the reason comes before what the spider says is missing
        stats, self._is_refused = self._crawler.stats, True
        stats.set_value(MISSING, [sentence, *(stats.get_value(MISSING) or ())])
        self._stopper.stop(BLOCKED)
        # even with JOBDIR: they are not to be sent later either
        drop_queued(self._crawler)

    def _on_closed(self) -> None:
        if self._wait_count:
            times = counted(self._wait_count, "time")
            waited = f"{times}, {_duration(self._wait_seconds)}"
            sentence = f"waited for the site (Retry-After, HTTP 429): {waited}"
            stats = self._crawler.stats
            stats.set_value(NOTES, [*(stats.get_value(NOTES) or ()), sentence])


def is_refused(request: Request | None, /) -> bool:
    """Return whether the site of a request wants a longer wait than is allowed."""
    return request is not None and bool(request.meta.get(_REFUSED))


def _text(agent: str | bytes) -> str:
    return agent.decode("latin-1") if isinstance(agent, bytes) else agent


def _duration(seconds: float) -> str:
    return f"{seconds:,.1f}".removesuffix(".0") + " s"
