"""A spider as a source: it crawls in its own thread; the caller gets batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING, cast

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.extensions.memusage import MemoryUsage
from scrapy.utils.reactor import is_reactor_installed
from scrapy.utils.reactorless import (
    install_reactor_import_hook,
    uninstall_reactor_import_hook,
)

from propload.errors import PropLoadError, QueueClosedError, SourceError
from propload.messages.suggestions import SLIP, suggest
from propload.process.threads import start_thread
from propload.queueing import BatchQueue
from propload.sources.spiders.components import add_components, obey_site
from propload.sources.spiders.crawl_settings import check_values
from propload.sources.spiders.ending import CrawlStopper
from propload.sources.spiders.finding import (
    check_spider,
    defaults_of_spider,
    find_spider,
)
from propload.sources.spiders.loop import CrawlLoop
from propload.sources.spiders.outcome import STOPPED, CrawlOutcome, read_outcome
from propload.sources.spiders.pace import Pace
from propload.sources.spiders.polite import FIXED, polite_settings
from propload.sources.spiders.settings import PREFIX, unread_settings
from propload.sources.spiders.sink import PropLoadPipeline
from propload.sources.spiders.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from scrapy import Spider
    from scrapy.settings import BaseSettings

    from propload.batch import Batch
    from propload.sources.spiders.crawl_settings import CrawlSettings

log = logging.getLogger(__name__)

#: The most batches and bytes that wait; the run that reads them has its own queue.
BATCHES_WAITING = 8
BYTES_WAITING = 16 << 20
#: The logger that calls what `FIXED` chooses experimental, in two lines per crawl.
_NOISY = "scrapy.core.downloader.handlers._base_streaming"


class SpiderSource:
    """The items of a spider, which crawls while they are read.

    Each iteration is a new crawl, and ends with it. `stop` ends both once the items
    read so far are handed over; closing the iterator ends both immediately.

    Args:
        spider: A spider's class, a registered name, or `module:Class`.
        arguments: Arguments of the spider, as with `scrapy crawl -a`.
        settings: Scrapy's settings; they win over the spider's own.

    Attributes:
        outcome: How the last crawl ended (`finish_reason`, `pages`, `statuses`,
            `notes`); None before the first one has ended.

    Raises:
        ConfigError: There is no such spider, Scrapy cannot crawl with it, or a setting
            cannot be used.
    """

    def __init__(
        self,
        spider: type[Spider] | str,
        arguments: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.spider = find_spider(spider) if isinstance(spider, str) else spider
        check_spider(self.spider)
        self.name = str(self.spider.name)
        self.rereadable = False
        self.outcome: CrawlOutcome | None = None
        self._arguments = dict(arguments or {})
        self._settings = dict(settings or {})
        check_values(self._settings)
        self._stopped = False
        self._crawl: _Crawl | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the report on the last crawl, a sentence each."""
        return self.outcome.notes if self.outcome else ()

    @property
    def incomplete(self) -> str:
        """Why the last crawl may not have brought all rows; empty if it has."""
        return self.outcome.incomplete if self.outcome else ""

    @property
    def defaults(self) -> dict[str, object]:
        """The `mapping` and `schema` that the spider's class sets for its items."""
        return defaults_of_spider(self.spider)

    def fingerprint(self) -> str | None:
        """Return None: the content of a site changes."""
        return None

    def stop(self) -> None:
        """End the crawl, from any thread; the items read so far are still yielded."""
        self._stopped = True
        if self._crawl is not None:
            self._crawl.stop()

    def __iter__(self) -> Iterator[Batch]:
        crawl = self._crawl = _Crawl(self.spider, self._arguments, self._settings)
        if self._stopped:
            crawl.stop()
        start_thread(crawl)
        try:
            yield from crawl.batches
        except BaseException:
            crawl.abandon()
            raise
        finally:
            crawl.join()
            self.outcome = crawl.outcome
        crawl.raise_for_failure()


class _Crawl(threading.Thread):
    """One crawl, in a thread with an event loop of its own."""

    def __init__(
        self,
        spider: type[Spider],
        arguments: Mapping[str, object],
        settings: Mapping[str, object],
    ) -> None:
        super().__init__(name=f"propload-crawl-{spider.name}", daemon=True)
        self.outcome: CrawlOutcome | None = None
        self._spider = spider
        self._arguments = arguments
        self._settings = settings
        self._queue: BatchQueue[Batch] = BatchQueue(BATCHES_WAITING, BYTES_WAITING)
        self.batches = self._queue.subscribe()
        self._error: BaseException | None = None
        self._stopping = threading.Event()
        self._stop_in_loop: Callable[[], None] | None = None

    def stop(self) -> None:
        """End the crawl; items that the spider has yielded are still handed over."""
        self._stopping.set()
        if self._stop_in_loop is not None:
            self._stop_in_loop()

    def abandon(self) -> None:
        """End the crawl, and discard what it still yields."""
        self._queue.close(QueueClosedError("the crawl's rows are no longer read"))
        self.stop()

    def raise_for_failure(self) -> None:
        """Raise if the crawl did not bring what it was run for."""
        name = self._spider.name
        if isinstance(self._error, PropLoadError):
            raise self._error
        if self._error is not None:
            msg = f"spider {name} failed: {type(self._error).__name__}: {self._error}"
            raise SourceError(msg, source=name) from self._error
        if self.outcome is not None:
            self.outcome.raise_for_failure()

    def run(self) -> None:
        """Crawl; this is what the thread runs."""
        try:
            _prepare_logging()
            asyncio.run(self._crawl())
        except BaseException as error:  # noqa: BLE001 - raised where rows are read
            self._error = error
        finally:
            self._queue.close()

    async def _crawl(self) -> None:
        if is_reactor_installed():
            msg = (
                "this process has a Twisted reactor, so no crawl can run in it: leave "
                "out what imports twisted.internet.reactor, as the spider's module "
                "may, or crawl in a process of its own"
            )
            raise SourceError(msg, source=self._spider.name)
        # a runner would override the crawler's settings when it starts the crawl
        crawler = Crawler(self._spider, polite_settings())
        self._configure(crawler)
        loop, stopper, ended = CrawlLoop(), CrawlStopper(crawler), threading.Event()
        crawler.signals.connect(ended.set, signals.engine_stopped)
        self._stop_in_loop = lambda: loop.call(lambda: _stop_crawl(crawler, stopper))
        if self._stopping.is_set():
            stopper.stop(STOPPED)
        # no reactor runs here: importing one raises, as using it would wait forever
        hook = install_reactor_import_hook()
        try:
            await crawler.crawl_async(**self._arguments)
        finally:
            uninstall_reactor_import_hook(hook)
            self._note_outcome(crawler)
            if not ended.is_set():
                await _close_unstarted(crawler)

    def _configure(self, crawler: Crawler) -> None:
        # a copy of the settings that were passed to the crawler
        settings = cast("CrawlSettings", crawler.settings)
        _warn_of_misspellings(self._settings, settings)
        set_names = (name for name in settings if settings[name] is not None)
        for message in unread_settings(set_names):
            log.warning("%s", message)
        loader = _QueueLoader(self._queue)
        for name, value in {**self._settings, **FIXED}.items():
            settings.set(name, value, priority="cmdline")
        settings.set("PROPLOAD_LOADER", lambda **_: loader, priority="cmdline")
        settings.require_usable()
        add_components(settings)
        obey_site(settings)

    def _note_outcome(self, crawler: Crawler) -> None:
        try:
            sink = crawler.get_item_pipeline(PropLoadPipeline)
            # if a project leaves the middleware out, the sink has a watch of its own
            watch = crawler.get_downloader_middleware(Watch) or (sink and sink.watch)
            self.outcome = read_outcome(crawler, watch or Watch(crawler))
        except RuntimeError:
            # it failed before it had stats: the error that was raised says why
            return
        if sink is not None and not self._stopping.is_set():
            self._error = sink.error


class _QueueLoader:
    """Hands a crawl's batches to the thread that reads them.

    Attributes:
        outlives_program: Whether what it has taken survives the end of the program.
        failed: The error that ended it, or None.
    """

    outlives_program = False

    def __init__(self, queue: BatchQueue[Batch]) -> None:
        self.failed: BaseException | None = None
        self._queue = queue

    def try_put(self, batch: Batch) -> bool:
        """Take a batch if there is room; return whether it was taken."""
        return self._queue.try_put(batch)

    def keep(self, batch: Batch) -> None:  # noqa: ARG002 - nobody would read it
        """Refuse a batch that comes after the end.

        Raises:
            QueueClosedError: Always.
        """
        msg = "the crawl's rows are no longer read"
        raise QueueClosedError(msg)

    def on_room(self, listener: Callable[[], None]) -> None:
        """Call `listener` when there is room again."""
        self._queue.on_room(listener)

    def on_failed(self, listener: Callable[[BaseException], None]) -> None:
        """Ignore the listener: a closed queue reports room, then refuses batches."""

    def close(self, *, whole: bool) -> None:  # noqa: ARG002 - the outcome tells
        """Accept no further batches."""
        self._queue.close()

    def abort(self, error: BaseException) -> None:
        """Accept no further batches, and keep the error."""
        self.failed = error
        self._queue.close()


async def _close_unstarted(crawler: Crawler) -> None:
    """Close the connections that Scrapy leaves open if a crawl ends before it began."""
    # without extensions (a RuntimeError) nothing was opened
    with contextlib.suppress(RuntimeError):
        memory = crawler.get_extension(MemoryUsage)
        if memory is not None:
            # it would stop tasks that it has not started, and log a traceback
            stopped = signals.engine_stopped
            crawler.signals.disconnect(memory.engine_stopped, stopped)
    await crawler.signals.send_catch_log_async(signals.engine_stopped)


def _stop_crawl(crawler: Crawler, stopper: CrawlStopper) -> None:
    stopper.stop(STOPPED)
    # without an engine (a RuntimeError) nothing was started
    with contextlib.suppress(RuntimeError):
        pace = crawler.get_spider_middleware(Pace)
        if pace is not None:
            pace.ended = True


def _warn_of_misspellings(names: Iterable[str], settings: BaseSettings) -> None:
    """Warn of names that look like misspelt settings: Scrapy ignores unknown names."""
    known = tuple(settings)
    for name in names:
        # the sink checks its own; other names may be of components without defaults
        is_known = name in settings or name.startswith(PREFIX)
        hint = "" if is_known else suggest(name, known, cutoff=SLIP)
        if hint:
            log.warning(
                "perhaps nothing reads the setting %r of the crawl%s", name, hint
            )


def _is_logged(record: logging.LogRecord) -> bool:
    return "is experimental" not in record.getMessage()


def _prepare_logging() -> None:
    """Keep single items and warnings about `FIXED` out of a crawl's log.

    Scrapy's own logging setup, which takes over the root logger, is not called: the
    program decides where messages go.
    """
    logging.getLogger(_NOISY).addFilter(_is_logged)
    scrapy_log = logging.getLogger("scrapy")
    # a higher level stays as the program has set it; a lower one would log each item
    if scrapy_log.getEffectiveLevel() < logging.INFO:
        scrapy_log.setLevel(logging.INFO)
