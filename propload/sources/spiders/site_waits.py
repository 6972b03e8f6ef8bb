"""Reads how long a site wants to be left alone: `Retry-After`, `Crawl-delay`."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

_TOO_MANY = 429
#: Statuses whose `Retry-After` says when the site may be asked again.
TOO_BUSY = frozenset({_TOO_MANY, 503})


def retry_after(response: Response, /) -> float:
    """Return the seconds that a response asks to wait, or 0.

    A date is compared with the date of the response: the site's clock may differ.
    """
    if response.status not in TOO_BUSY:
        return 0.0
    value = _header(response, "Retry-After")
    if value.isdecimal():
        return float(value)
    until = _moment(value)
    if until is None:
        return 0.0
    sent = _moment(_header(response, "Date")) or datetime.now(UTC)
    return max(0.0, (until - sent).total_seconds())


def asks_for_less(response: Response, /) -> bool:
    """Return whether a response is a 429, unless it allows an immediate retry."""
    # `Retry-After: 0` is a time to wait: none
    return response.status == _TOO_MANY and _header(response, "Retry-After") != "0"


def crawl_delay(rules: RobotParser, agent: str, /) -> float:
    """Return the seconds between two requests that a robots.txt asks for, or 0."""
    delay = rules.crawl_delay(agent) or 0.0
    # Scrapy's parsers do not expose it; the parsers behind the usual two have it
    request_rate = getattr(getattr(rules, "rp", None), "request_rate", None)
    rate = request_rate(agent) if request_rate is not None else None
    # a rate of no requests at all is a mistake: pages are forbidden by Disallow
    return max(delay, rate.seconds / rate.requests if rate and rate.requests else 0.0)


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
