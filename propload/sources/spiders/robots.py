"""Obeys robots.txt, also if several requests wait for it or it cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Request, Response
    from scrapy.robotstxt import RobotParser

#: A robots.txt is unread if it is answered with this status, or with one from
#: `_SERVER_FAILED` on.
_BUSY = 429
_SERVER_FAILED = 500


class _RulesUnreadError(IgnoreRequest):
    """A page is not requested because the rules on it could not be read."""


class Robots(RobotsTxtMiddleware):
    """Obeys robots.txt, also if several requests wait for it or it cannot be read.

    Scrapy 2.19 passes the rules only to the first request that waits for them; the
    others are sent as if there were no robots.txt. All are sent if it cannot be read
    because the server or the network fails, which RFC 9309 defines as a refusal of
    every page.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._unread: dict[str, str] = {}

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """Return the rules of the request's site, or None if it has none."""
        pending = self._parsers.get(urlparse_cached(request).netloc)
        if not isinstance(pending, Deferred):
            return await super().robot_parser(request)
        turn: Deferred[RobotParser | None] = Deferred()

        def resume(rules: RobotParser | None) -> RobotParser | None:
            """Resume this request, and return the rules."""
            turn.callback(rules)
            # passed to the next request that waits
            return rules

        pending.addCallback(resume)
        return await maybe_deferred_to_future(turn)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        """Let a request pass if the rules allow it.

        Raises:
            IgnoreRequest: The rules forbid it, or cannot be read.
        """
        site = urlparse_cached(request).netloc
        if site in self._unread:
            msg = (
                f"the robots.txt of {site} cannot be read ({self._unread[site]}), so "
                "nothing is asked of it: crawl again later"
            )
            raise _RulesUnreadError(msg)
        super().process_request_2(rp, request)

    async def _parse_robots(
        self, response: Response, netloc: str, request: Request
    ) -> None:
        if response.status == _BUSY or response.status >= _SERVER_FAILED:
            self._unread[netloc] = f"HTTP {response.status}"
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        # if another middleware ignored the request, the site has not failed
        if not isinstance(exc, IgnoreRequest):
            self._unread[netloc] = type(exc).__name__
        super()._robots_error(exc, netloc)


def unread_rules(error: BaseException | None, /) -> str:
    """Return the message of an error for unread rules, or an empty text for others."""
    return str(error) if isinstance(error, _RulesUnreadError) else ""
