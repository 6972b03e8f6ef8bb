"""Scrapy's settings that propload chooses for a crawl."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from propload.sources.spiders.crawl_settings import CrawlSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


def _user_agent() -> str:
    try:
        number = version("propload")
    except PackageNotFoundError:
        # run from a source tree that is not installed
        number = "0"
    return f"propload/{number} (+https://github.com/propload/propload)"


#: Settings for spiders that do not set these themselves; a spider's own settings win.
POLITE: Mapping[str, object] = {
    # the site decides what may be read, and gets to know who is asking
    "ROBOTSTXT_OBEY": True,
    "USER_AGENT": _user_agent(),
    # about one page per second, fewer if the site becomes slower
    "DOWNLOAD_DELAY": 1.0,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
    "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": 1.0,
    # a crawl that is stopped completes the requests under way: keep them few
    "CONCURRENT_REQUESTS": 8,
    # failures are retried, refusals (401, 403) never
    "RETRY_HTTP_CODES": [408, 429, 500, 502, 503, 504, 522, 524],
    "DOWNLOAD_TIMEOUT": 30,
    # Scrapy's limit is a gigabyte: a small gzip reaches it, and several come at a time
    "DOWNLOAD_MAXSIZE": 64 << 20,
    # rows are to be visible, and committed, soon after their page
    "PROPLOAD_FLUSH_SECONDS": 0.5,
}
#: Settings that a spider cannot change.
FIXED: Mapping[str, object] = {
    # a reactor cannot be started twice in a process, nor in a notebook's kernel
    "TWISTED_REACTOR_ENABLED": False,
    # both let other processes of the machine run code inside the crawl
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    # all items go to the run that started this crawl
    "PROPLOAD_TARGETS": {},
}


def polite_settings() -> CrawlSettings:
    """Return the settings in `POLITE`, which add-ons, projects and spiders override."""
    settings = CrawlSettings()
    settings.setdict(POLITE, priority="command")
    return settings
