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


#: How a spider behaves that says nothing about it. Its own settings win.
POLITE: Mapping[str, object] = {
    # the site decides what may be read, and who is asking is no secret
    "ROBOTSTXT_OBEY": True,
    "USER_AGENT": _user_agent(),
    # about one page in a second, fewer where the site gets slower
    "DOWNLOAD_DELAY": 1.0,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
    "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": 1.0,
    # requests that were begun are finished when a crawl is stopped: keep them few
    "CONCURRENT_REQUESTS": 8,
    # a failure is worth another try, a refusal (401, 403) never is
    "RETRY_HTTP_CODES": [408, 429, 500, 502, 503, 504, 522, 524],
    "DOWNLOAD_TIMEOUT": 30,
    # of Scrapy's own gigabyte a few bytes of gzip are enough, and several come at once
    "DOWNLOAD_MAXSIZE": 64 << 20,
    # rows of a run are seen, and committed, soon after their page
    "PROPLOAD_FLUSH_SECONDS": 0.5,
}
#: What holds whatever a spider says.
FIXED: Mapping[str, object] = {
    # a reactor cannot be started twice in a process, nor in a notebook's kernel
    "TWISTED_REACTOR_ENABLED": False,
    # both let other processes of the machine run code inside the crawl
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    # every item goes one way: to the run that asked for this crawl
    "PROPLOAD_TARGETS": {},
}


def polite_settings() -> CrawlSettings:
    """Return `POLITE` below the settings of add-ons, projects and spiders."""
    settings = CrawlSettings()
    settings.setdict(POLITE, priority="command")
    return settings
