"""The sink: an item pipeline that loads a crawl's items into PostgreSQL."""

from __future__ import annotations

import logging
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.misc import load_object
from twisted.internet.defer import Deferred

from propload.errors import PropLoadError
from propload.messages.wording import counted
from propload.sources.spiders.ending import (
    IDLE_CHECK_SECONDS,
    CrawlStopper,
    close_when_idle,
    drop_queued,
    note_reason,
    schedule_idle_check,
)
from propload.sources.spiders.feed import Feed, not_loaded_error
from propload.sources.spiders.finding import defaults_of_spider, unread_defaults
from propload.sources.spiders.job_folder import JobFolder
from propload.sources.spiders.loop import CrawlLoop
from propload.sources.spiders.outcome import BLOCKED_REASONS, read_outcome
from propload.sources.spiders.rows import ItemRows
from propload.sources.spiders.settings import OTHERS, read_flush, read_loads
from propload.sources.spiders.settings_wording import (
    flags_to_settings,
    with_setting_name,
)
from propload.sources.spiders.watching import Watch

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.utils.asyncio import CallLaterResult

    from propload.report import Report

log = logging.getLogger(__name__)

#: The finish reason of a crawl whose items could not be loaded.
FAILED = "propload_failed"
#: Modules of the commands that put their own `start` in place of a spider's to look at
#: pages, or have a spider of their own; `scrapy view` has the `start` of `fetch`.
_INSPECTING_MODULES = frozenset(
    f"scrapy.commands.{name}" for name in ("fetch", "parse", "check", "bench")
)
#: The path of the loader: not imported here, because sources are a lower layer.
LOADER = "propload.loader.CrawlLoader"
#: The path of the function that removes passwords from the process's title.
HIDE_PASSWORDS = "propload.process_title.hide_passwords"


class PropLoadPipeline:
    """Loads every item of a crawl: `ITEM_PIPELINES = {this: 800}`.

    Settings are those of `propload.ingest` with the prefix `PROPLOAD_`
    (`PROPLOAD_TO`, `PROPLOAD_TABLE`, `PROPLOAD_KEY`, ...), and:
    `PROPLOAD_FLUSH_ROWS`, `_BYTES` and `_SECONDS` say when collected items are
    handed over, `PROPLOAD_TARGETS` gives classes of items their own settings, as in
    `{"project.items.Agent": {"table": "agents", "key": "agent_id"}}`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        # before Scrapy opens the folder: reading its queue empties it
        self._job_folder = JobFolder(crawler)
        self._stopper = CrawlStopper(crawler)
        #: By the names of item classes; classes with equal settings share one.
        self._feeds: dict[str, Feed] = {}
        self._feed_by_class: dict[type, Feed | None] = {}
        self.error: BaseException | None = None
        self._closed = False
        #: Fires when every load has ended.
        self._ended: Deferred[None] = Deferred()
        self._is_inspection = False
        #: The pending call of `_check_idle`, some time after an item had to wait.
        self._idle_check: CallLaterResult | None = None
        #: Whether a table took no row, or was not replaced as it should have been.
        self._loaded_nothing = False
        #: The finish reason of the crawl; empty while it is running.
        self._reason = ""
        self.watch: Watch | None = None
        crawler.signals.connect(self._on_closed, signals.spider_closed)
        crawler.signals.connect(self._on_stopped, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PropLoadPipeline:
        """Return the pipeline of a crawl, and hide its passwords from `ps`."""
        load_object(HIDE_PASSWORDS)()
        return cls(crawler)

    async def open_spider(self) -> None:
        """Open a loader for each target; if one cannot be opened, the crawl ends."""
        note_reason(self._crawler.engine, self._on_end)
        watch = self._crawler.get_downloader_middleware(Watch)
        self.watch = watch or Watch(self._crawler)
        self._is_inspection = _is_inspection(self._crawler)
        if self._is_inspection:
            return
        try:
            await self._open_feeds()
        except Exception as error:  # noqa: BLE001 - the crawl's outcome, see _fail
            self._fail(error)

    async def process_item(self, item: Any) -> Any:
        """Take an item and return it; wait while there is no room, to slow the crawl.

        Raises:
            DropItem: The load has failed or ended, so that the item is not loaded.
        """
        if self._closed:
            self._count_late()
            raise not_loaded_error()
        kind = type(item)
        if kind not in self._feed_by_class:
            self._feed_by_class[kind] = self._find_feed(kind)
        feed = self._feed_by_class[kind]
        if feed is not None:
            if await feed.put(item):
                self._schedule_idle_check()
        elif self.error is not None:
            raise not_loaded_error()
        else:
            self._crawler.stats.inc_value("propload/items_without_target")
        return item

    @property
    def takes_items(self) -> bool:
        """Whether an item that comes now is loaded."""
        return self.error is None and not self._closed

    async def room(self) -> None:
        """Return when every target has room for another item, or has failed."""
        for feed in self._distinct_feeds:
            await feed.wait_for_room()

    @property
    def _distinct_feeds(self) -> list[Feed]:
        return [*dict.fromkeys(self._feeds.values())]

    async def close_spider(self) -> None:
        """Hand over what is left and wait until all is committed.

        If rows of the crawl may be missing, no table is replaced.
        """
        self._closed = True
        try:
            await self._close_feeds()
        finally:
            self._ended.callback(None)

    async def _close_feeds(self) -> None:
        # determined once: a target that fails from here on does not affect the others
        missing_reason = self._missing_reason()
        for feed in self._distinct_feeds:
            report = await feed.close(whole=not missing_reason)
            self._count(feed, report)
            self._log_lost(feed)
            if report is not None:
                self._log_report(report, missing_reason)

    async def _open_feeds(self) -> None:
        settings = self._crawler.settings
        loop, flush = CrawlLoop(), read_flush(settings)
        loads = read_loads(settings, defaults_of_spider(self._crawler.spidercls))
        for unread in unread_defaults(self._crawler.spidercls):
            log.warning("%s", unread)
        make_loader = load_object(settings.get("PROPLOAD_LOADER") or LOADER)
        for load in loads:
            # made outside of the loop, because a loader may connect when it is made
            spider = self._crawler.spidercls.name
            # a user's own loader need not take `defaults` if there are none
            defaults = {"defaults": load.defaults} if load.defaults else {}
            open_loader = partial(make_loader, name=spider, **defaults, **load.settings)
            loader = await loop.run_outside(open_loader)
            rows = ItemRows(spider, flush)
            feed = Feed(loader, rows, flush, loop, on_failed=self._fail)
            self._feeds |= dict.fromkeys(load.classes, feed)

    def _find_feed(self, kind: type) -> Feed | None:
        if self._is_inspection:
            log.warning(
                "items of %s are not loaded, as scrapy parse only shows them: scrapy "
                "crawl loads them",
                kind.__qualname__,
            )
            return None
        for base in kind.__mro__:
            for name in (f"{base.__module__}.{base.__qualname__}", base.__name__):
                if name in self._feeds:
                    return self._feeds[name]
        if OTHERS not in self._feeds and self.error is None:
            log.warning(
                "items of %s are not loaded: PROPLOAD_TARGETS does not name their "
                "class, and there is no PROPLOAD_TABLE for others",
                kind.__qualname__,
            )
        return self._feeds.get(OTHERS)

    # ---- ending ----

    def _on_end(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self._reason in BLOCKED_REASONS:
            # a site that refuses gets no further requests, not even the queued ones
            drop_queued(self._crawler)
        # a limit on items may end it while items from `start` are in process
        close_when_idle(self._crawler)

    def _missing_reason(self) -> str:
        """Return why rows may be missing, or an empty text."""
        if self.watch is None:
            return FAILED
        reason = FAILED if self.error is not None else self._reason
        outcome = read_outcome(self._crawler, self.watch, finish_reason=reason)
        return outcome.incomplete

    def _log_report(self, report: Report, missing_reason: str) -> None:
        counts = report.counts
        # after a failure, the report says how many rows wait, and how to load them
        is_warning = counts.rejected or self.error is not None
        level = logging.WARNING if is_warning else logging.INFO
        if counts.all_rejected:
            self._loaded_nothing, level = True, logging.ERROR
        log.log(level, "%s", flags_to_settings(str(report)))
        if report.status == "interrupted":
            self._loaded_nothing = True
            # an error, as the command exits with 1 because of it
            log.error(
                "not all rows came: %s. %s",
                missing_reason,
                flags_to_settings(report.message),
            )

    def _log_lost(self, feed: Feed) -> None:
        if feed.counts.lost:
            log.error(
                "%s, neither in the table nor in the journal (%s): crawl again what "
                "they come from",
                counted(feed.counts.lost, "item is lost", "items are lost"),
                feed.storage_error,
            )

    def _count_late(self) -> None:
        stats = self._crawler.stats
        if not stats.get_value("propload/late"):
            log.warning(
                "the crawl ends, and items that start() still gives are not loaded "
                "(propload/late counts them): with the spider middleware "
                "propload.sources.spiders.Pace it gives none"
            )
        stats.inc_value("propload/late")

    def _schedule_idle_check(self) -> None:
        slot = self._crawler.engine.scraper.slot
        if slot is not None and slot.closing is not None:
            close_when_idle(self._crawler)
        elif self._idle_check is None:
            self._idle_check = call_later(IDLE_CHECK_SECONDS, self._check_idle)

    def _check_idle(self) -> None:
        self._idle_check = None
        schedule_idle_check(self._crawler)

    def _fail(self, error: BaseException) -> None:
        self.error = self.error or error
        is_known = isinstance(error, PropLoadError)
        message = str(error) if is_known else f"{type(error).__name__}: {error}"
        log.error(
            "%s: not every item of this crawl is loaded: %s",
            FAILED,
            flags_to_settings(with_setting_name(message, self._crawler.settings)),
            exc_info=None if is_known else error,
        )
        self._stopper.stop(FAILED)

    def _count(self, feed: Feed, report: Report | None) -> None:
        stats = self._crawler.stats
        for name, value in asdict(feed.counts).items():
            stats.inc_value(f"propload/{name}", value)
        if report is not None:
            for name, value in asdict(report.counts).items():
                stats.inc_value(f"propload/rows_{name}", value)

    async def _on_closed(self) -> None:
        # if another pipeline raises when it is closed, Scrapy gives up closing the rest
        if not self._closed:
            await self.close_spider()
        await maybe_deferred_to_future(self._ended)
        if self.error is not None:
            # the last commits come after Scrapy has set its finish reason
            self._crawler.stats.set_value("finish_reason", FAILED)
        if not self._crawler.engine.running:
            # the crawl ended before it began: `engine_stopped` is not sent
            self._on_stopped()

    def _on_stopped(self) -> None:
        # Scrapy's commands exit with 1 if a crawl has no spider at its end; a component
        # cannot set the exit status in any other way
        if self.error is not None or self._loaded_nothing:
            self._crawler.spider = None


def _is_inspection(crawler: Crawler) -> bool:
    """Return whether `scrapy shell`, `fetch`, `view`, `parse`, `check` or `bench` runs.

    A user who looks at a page, or tries out a spider, may have no database, and the
    items of one page must not replace a table.
    """
    start = getattr(crawler.spidercls.start, "__module__", "")
    return not crawler.crawling or start in _INSPECTING_MODULES
