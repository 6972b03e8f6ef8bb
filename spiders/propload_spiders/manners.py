"""How the spiders behave towards a site: settings for Scrapy, each with its reason.

They have a lower priority than a project's own settings, so that `settings.py`, a
runner's settings and `--set` can change each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.settings import SETTINGS_PRIORITIES

from propload.sources.spiders.hosts import host_of, is_loopback
from propload.sources.spiders.polite import POLITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

#: The priority between Scrapy's defaults and a project's settings.
PRIORITY = "addon"


MANNERS: Mapping[str, object] = {
    # the site decides what may be read, and may know who is asking
    "ROBOTSTXT_OBEY": True,
    "USER_AGENT": POLITE["USER_AGENT"],
    # about one page every two seconds, as a person with several tabs reads
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
    "DOWNLOAD_DELAY": 2.0,
    "DOWNLOAD_DELAY_JITTER": 0.5,
    # a site that slows down gets fewer requests
    "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": 2.0,
    "AUTOTHROTTLE_MAX_DELAY": 60.0,
    "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
    # failures are retried, refusals (401, 403) are not
    "RETRY_HTTP_CODES": (408, 429, 500, 502, 503, 504, 522, 524),
    # if 5 % of responses fail, 5 attempts lose one page in three million
    "RETRY_TIMES": 4,
    "DOWNLOAD_TIMEOUT": 30,
    # a page has a few hundred kilobytes
    "DOWNLOAD_MAXSIZE": 16 << 20,
    # to another slug, then to the address of a sold listing; more is a loop
    "REDIRECT_MAX_TIMES": 3,
    # no state is needed from one page to the next
    "COOKIES_ENABLED": False,
    # both would let other processes on the machine run code inside the crawl
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
}

#: Hosts of this machine in addresses; "" is the host of `file:` addresses.
_LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")
#: The pace for them, with the settings by which a user can change it.
_LOCAL_PACE: Mapping[str, tuple[str, float]] = {
    "delay": ("DOWNLOAD_DELAY", 0.0),
    "concurrency": ("CONCURRENT_REQUESTS_PER_DOMAIN", 16),
}


def skip_delays_for_local_hosts(crawler: Crawler, urls: Iterable[str], /) -> None:
    """Read files and this machine without delay, as no site needs protection.

    The pace is set per host, because pages of a local copy may link to the real site.

    Args:
        crawler: The crawler, whose settings must still be changeable.
        urls: The start addresses, which may have other names for this machine.
    """
    settings, name = crawler.settings, "DOWNLOAD_SLOTS"
    pace = {
        key: settings.getfloat(setting) if _is_set_by_user(settings, setting) else value
        for key, (setting, value) in _LOCAL_PACE.items()
    }
    hosts = {*_LOCAL_HOSTS, *(host_of(url) for url in urls if is_loopback(url))}
    slots = {**{host: dict(pace) for host in hosts}, **settings.getdict(name)}
    settings.set(name, slots, priority=settings.getpriority(name) or PRIORITY)
    if not _is_set_by_user(settings, "AUTOTHROTTLE_ENABLED"):
        reached = signals.request_reached_downloader
        crawler.signals.connect(_exempt_from_throttle, reached)


def _is_set_by_user(settings: BaseSettings, name: str) -> bool:
    return (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES[PRIORITY]


def _exempt_from_throttle(request: Request) -> None:
    """Exempt files and this machine from AutoThrottle, which cannot exempt hosts."""
    is_local = is_loopback(request.url) or not host_of(request.url)
    request.meta["autothrottle_dont_adjust_delay"] = is_local
