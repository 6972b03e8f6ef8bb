"""A crawl's folder (`JOBDIR`) is one crawl's: two would take pages from each other."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.utils.job import job_dir

from propload.errors import LockedError
from propload.private_files import lock_file, unlock

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)

#: The file that a crawl holds in its folder.
LOCK = "propload.lock"


class JobFolder:
    """Holds the folder of a crawl until the crawl, or its process, has ended.

    Scrapy 2.19 reads the queue of a folder without asking who else does, and removes
    what it has read: a second crawl leaves both with a part of the pages, and both end
    as if they had all.

    Args:
        crawler: A crawl whose folder is not opened yet.

    Raises:
        LockedError: Another crawl has the folder.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._lock: int | None = None
        folder = job_dir(crawler.settings)
        if folder is None:
            return
        self._path = Path(folder).resolve() / LOCK
        self._take()
        crawler.signals.connect(self._on_closed, signals.spider_closed)
        crawler.signals.connect(self._let_go, signals.engine_stopped)

    def _take(self) -> None:
        try:
            self._lock = lock_file(self._path)
        except BlockingIOError as error:
            msg = (
                f"the folder {self._path.parent} (JOBDIR) is in use by another crawl, "
                "and each would lack the pages that the other takes: wait "
                "for it to end, or give this crawl a JOBDIR of its own"
            )
            raise LockedError(msg) from error
        except OSError as error:
            # where nothing can be written Scrapy says so; where nothing can be locked,
            # as on some file systems of networks, the crawl is as it was without
            log.warning(
                "the folder %s (JOBDIR) cannot be locked against other crawls (%s): "
                "make sure that no other one uses it",
                self._path.parent,
                error.strerror,
            )

    def _on_closed(self) -> None:
        # of a crawl that is ended before it began no other signal comes
        if not self._crawler.engine.running:
            self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._path.unlink(missing_ok=True)
            unlock(self._lock)
            self._lock = None
