"""What a site says about when it may be asked: `Retry-After`, `Crawl-delay`."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

_TOO_MANY = 429
#: Statuses whose `Retry-After` says when the site is to be asked again.
TOO_BUSY = frozenset({_TOO_MANY, 503})


def wait_told(response: Response, /) -> float:
    """Return the seconds for which a site wants to be left alone; 0 where it is mute.

    A date is compared with that of the answer, as the site's clock may be another one.
    """
    if response.status not in TOO_BUSY:
        return 0.0
    told = _header(response, "Retry-After")
    if told.isdecimal():
        return float(told)
    until = _moment(told)
    if until is None:
        return 0.0
    sent = _moment(_header(response, "Date")) or datetime.now(UTC)
    return max(0.0, (until - sent).total_seconds())


def asks_for_less(response: Response, /) -> bool:
    """Return whether a site that names no time to wait is asked too much."""
    # 0 is a time: at once
    return response.status == _TOO_MANY and _header(response, "Retry-After") != "0"


def delay_told(rules: RobotParser, agent: str, /) -> float:
    """Return the seconds between two requests that a robots.txt asks for, or 0."""
    delay = rules.crawl_delay(agent) or 0.0
    # Scrapy's parsers do not hand it on; those behind the usual two know it
    ask = getattr(getattr(rules, "rp", None), "request_rate", None)
    rate = ask(agent) if ask is not None else None
    # no request in any time is a slip: what forbids pages is Disallow
    return max(delay, rate.seconds / rate.requests if rate and rate.requests else 0.0)


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
