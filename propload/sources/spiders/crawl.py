"""A spider as a source: a crawl in a thread of its own, batches in this one."""

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
from propload.sources.spiders.ending import Brake
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

#: Batches that wait; the run behind this source has a queue of its own.
BATCHES_WAITING = 8
BYTES_WAITING = 16 << 20
#: What FIXED chooses, Scrapy calls experimental, in two lines for every crawl.
_NOISY = "scrapy.core.downloader.handlers._base_streaming"


class SpiderSource:
    """Items of a spider, crawled while they are read.

    Each iteration crawls again. It ends when the crawl does: `stop` ends both after
    what was read is handed over, and closing the iterator ends them at once.

    Args:
        spider: A spider's class, a registered name, or `module:Class`.
        arguments: Arguments of the spider, as with `scrapy crawl -a`.
        settings: Scrapy's settings; they win over the spider's own.

    Attributes:
        outcome: How the last crawl ended (`finish_reason`, `pages`, `statuses`,
            `notes`); None before one has.

    Raises:
        ConfigError: There is no such spider, Scrapy cannot crawl by it, or a setting
            is of the wrong type.
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
        """What a report should say about the last crawl, a sentence each."""
        return self.outcome.notes if self.outcome else ()

    @property
    def incomplete(self) -> str:
        """Why the last crawl may not have brought all rows; empty where it did."""
        return self.outcome.incomplete if self.outcome else ""

    @property
    def defaults(self) -> dict[str, object]:
        """The `mapping` and `schema` that its class names, for its items."""
        return defaults_of_spider(self.spider)

    def fingerprint(self) -> str | None:
        """Return None: a site changes."""
        return None

    def stop(self) -> None:
        """End the crawl, from any thread; what was read is still yielded."""
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
        self._pull: Callable[[], None] | None = None

    def stop(self) -> None:
        """End the crawl; what its spider gave is still handed over."""
        self._stopping.set()
        if self._pull is not None:
            self._pull()

    def abandon(self) -> None:
        """End the crawl; nobody takes what it gives."""
        self._queue.close(QueueClosedError("the crawl's rows are no longer read"))
        self.stop()

    def raise_for_failure(self) -> None:
        """Raise what kept the crawl from bringing what it was run for."""
        name = self._spider.name
        if isinstance(self._error, PropLoadError):
            raise self._error
        if self._error is not None:
            msg = f"spider {name} failed: {type(self._error).__name__}: {self._error}"
            raise SourceError(msg, source=name) from self._error
        if self.outcome is not None:
            self.outcome.raise_for_failure()

    def run(self) -> None:
        """Crawl; the thread's work."""
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
        # a runner would lay its settings over the crawler's when it starts it
        crawler = Crawler(self._spider, polite_settings())
        self._configure(crawler)
        loop, brake, ended = CrawlLoop(), Brake(crawler), threading.Event()
        crawler.signals.connect(ended.set, signals.engine_stopped)
        self._pull = lambda: loop.call(lambda: _end(crawler, brake))
        if self._stopping.is_set():
            brake.pull(STOPPED)
        # what waits for a reactor that does not run would wait for ever
        hook = install_reactor_import_hook()
        try:
            await crawler.crawl_async(**self._arguments)
        finally:
            uninstall_reactor_import_hook(hook)
            self._note_outcome(crawler)
            if not ended.is_set():
                await _close_unbegun(crawler)

    def _configure(self, crawler: Crawler) -> None:
        # a copy of those that it was made with
        settings = cast("CrawlSettings", crawler.settings)
        _warn_of_slips(self._settings, settings)
        set_here = (name for name in settings if settings[name] is not None)
        for told in unread_settings(set_here):
            log.warning("%s", told)
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
            # where a project leaves the middleware out, the sink has one of its own
            watch = crawler.get_downloader_middleware(Watch) or (sink and sink.watch)
            self.outcome = read_outcome(crawler, watch or Watch(crawler))
        except RuntimeError:
            # it failed before it had stats: what was raised says why
            return
        if sink is not None and not self._stopping.is_set():
            self._error = sink.error


class _QueueLoader:
    """Hands a crawl's batches to the thread that reads them.

    Attributes:
        outlives_program: Whether what it has taken is there when the program has ended.
        failed: What ended it, or None.
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
        """Need no listener: a closed queue is heard as room, and refuses."""

    def close(self, *, whole: bool) -> None:  # noqa: ARG002 - the outcome says it
        """Take no more."""
        self._queue.close()

    def abort(self, error: BaseException) -> None:
        """Take no more, and keep why."""
        self.failed = error
        self._queue.close()


async def _close_unbegun(crawler: Crawler) -> None:
    """Close connections, which Scrapy leaves open where a crawl ends unbegun."""
    # before there are extensions nothing was opened
    with contextlib.suppress(RuntimeError):
        memory = crawler.get_extension(MemoryUsage)
        if memory is not None:
            # it would stop what it has not started, and log a traceback
            stopped = signals.engine_stopped
            crawler.signals.disconnect(memory.engine_stopped, stopped)
    await crawler.signals.send_catch_log_async(signals.engine_stopped)


def _end(crawler: Crawler, brake: Brake) -> None:
    brake.pull(STOPPED)
    # before there is an engine nothing was started
    with contextlib.suppress(RuntimeError):
        pace = crawler.get_spider_middleware(Pace)
        if pace is not None:
            pace.ended = True


def _warn_of_slips(given: Iterable[str], settings: BaseSettings) -> None:
    """Warn of names that are nearly those of settings: Scrapy passes over any name."""
    known = tuple(settings)
    for name in given:
        # the sink checks its own; others may belong to components without defaults
        is_known = name in settings or name.startswith(PREFIX)
        hint = "" if is_known else suggest(name, known, cutoff=SLIP)
        if hint:
            log.warning(
                "perhaps nothing reads the setting %r of the crawl%s", name, hint
            )


def _is_worth_saying(record: logging.LogRecord) -> bool:
    return "is experimental" not in record.getMessage()


def _prepare_logging() -> None:
    """Keep a crawl's log from telling each item, and its noise from a user's handlers.

    Scrapy's own way to set up logging, which takes over the root logger, is not
    called; where messages go is for the program to say.
    """
    logging.getLogger(_NOISY).addFilter(_is_worth_saying)
    scrapy_log = logging.getLogger("scrapy")
    # who asks for warnings only gets no more, and nobody each item
    if scrapy_log.getEffectiveLevel() < logging.INFO:
        scrapy_log.setLevel(logging.INFO)
