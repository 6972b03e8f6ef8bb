"""Locks a crawl's folder (`JOBDIR`): two crawls would take pages from each other."""

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
    from scrapy.settings import BaseSettings

log = logging.getLogger(__name__)

#: The name of the lock file in a crawl's folder.
LOCK = "propload.lock"
#: Scrapy's file of the requests that a folder's crawls have made: none is made again.
_MADE = "requests.seen"


def continued_folder(settings: BaseSettings, /) -> str:
    """Return the folder of a crawl that leaves out what an earlier one asked for.

    It is empty for a crawl without a folder, or with one in which nothing was asked.

    Args:
        settings: The settings of a crawl that has made no request yet.
    """
    folder = job_dir(settings)
    if folder is None:
        return ""
    made = Path(folder) / _MADE
    return str(made.parent.resolve()) if made.exists() and made.stat().st_size else ""


class JobFolder:
    """Locks the folder of a crawl until the crawl, or its process, has ended.

    Scrapy 2.19 reads the queue of a folder without checking whether another crawl does,
    and removes what it has read: each of two crawls gets only a part of the pages, and
    both end as if they were complete.

    Args:
        crawler: A crawl that has not opened its folder yet.

    Raises:
        LockedError: Another crawl uses the folder.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._lock: int | None = None
        folder = job_dir(crawler.settings)
        if folder is None:
            return
        self._path = Path(folder).resolve() / LOCK
        self._lock_folder()
        crawler.signals.connect(self._on_closed, signals.spider_closed)
        crawler.signals.connect(self._unlock, signals.engine_stopped)

    def _lock_folder(self) -> None:
        try:
            self._lock = lock_file(self._path)
        except BlockingIOError:
            msg = (
                f"the folder {self._path.parent} (JOBDIR) is in use by another crawl, "
                "and each would lack the pages that the other takes: wait "
                "for it to end, or give this crawl a JOBDIR of its own"
            )
            # Scrapy logs the traceback, which the lock's own would make twice as long
            raise LockedError(msg) from None
        except OSError as error:
            # if the folder cannot be written, Scrapy reports it; if it cannot be
            # locked, as on some network file systems, the crawl goes on without a lock
            log.warning(
                "the folder %s (JOBDIR) cannot be locked against other crawls (%s): "
                "make sure that no other one uses it",
                self._path.parent,
                error.strerror,
            )

    def _on_closed(self) -> None:
        # a crawl that ends before it began sends no other signal
        if not self._crawler.engine.running:
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._path.unlink(missing_ok=True)
            unlock(self._lock)
            self._lock = None
