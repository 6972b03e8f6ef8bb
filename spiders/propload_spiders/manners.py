"""How the spiders behave towards a site: settings for Scrapy, each with its reason.

They are set below a project's own settings, so that `settings.py`, a runner's
settings and `--set` may change each of them.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.settings import BaseSettings

_HOME = "https://github.com/propload/propload"

#: Between Scrapy's defaults and a project's settings.
PRIORITY = "addon"


def _user_agent() -> str:
    try:
        number = version("propload")
    except PackageNotFoundError:  # run from a source tree that is not installed
        number = "0"
    return f"propload/{number} (+{_HOME})"


MANNERS: Mapping[str, object] = {
    # the site decides what may be read, and who is asking is no secret
    "ROBOTSTXT_OBEY": True,
    "USER_AGENT": _user_agent(),
    # one page in about two seconds is what a person with several tabs does
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
    "DOWNLOAD_DELAY": 2.0,
    "DOWNLOAD_DELAY_JITTER": 0.5,
    # a site that gets slower is asked more slowly
    "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": 2.0,
    "AUTOTHROTTLE_MAX_DELAY": 60.0,
    "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
    # a failure is worth another try, a refusal (401, 403) never is
    "RETRY_HTTP_CODES": (408, 429, 500, 502, 503, 504, 522, 524),
    # at 5 % of failing answers, 5 attempts lose one page in three million
    "RETRY_TIMES": 4,
    "DOWNLOAD_TIMEOUT": 30,
    # to another slug, to the address of a sale; more is a circle
    "REDIRECT_MAX_TIMES": 3,
    # nothing here needs to be recognised from page to page
    "COOKIES_ENABLED": False,
    # both let other processes of the machine run code inside the crawl
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
}

#: A site on this machine, or files: nobody to be polite to.
HASTE: Mapping[str, object] = {
    "CONCURRENT_REQUESTS": 16,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "DOWNLOAD_DELAY": 0.0,
    "AUTOTHROTTLE_ENABLED": False,
}


def behave(settings: BaseSettings, manners: Mapping[str, object], /) -> None:
    """Set manners where the user has set nothing."""
    for name, value in manners.items():
        settings.set(name, value, priority=PRIORITY)
