"""robots.txt, obeyed by requests that wait for it together too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import load_object
from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from scrapy.http import Request
    from scrapy.robotstxt import RobotParser
    from scrapy.settings import BaseSettings

_SETTING = "DOWNLOADER_MIDDLEWARES"
#: Where Scrapy has its own.
_ORDER = 100


class Robots(RobotsTxtMiddleware):
    """Obeys robots.txt, also where several requests wait for it.

    Scrapy 2.19 gives the answer to the first of those that wait; for the others
    there seems to be no robots.txt, and they pass.
    """

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """Return the rules of the request's site, or None where it has none."""
        waiting = self._parsers.get(urlparse_cached(request).netloc)
        if not isinstance(waiting, Deferred):
            return await super().robot_parser(request)
        turn: Deferred[RobotParser | None] = Deferred()

        def tell(rules: RobotParser | None) -> RobotParser | None:
            """Wake this request, and hand the rules on."""
            turn.callback(rules)
            # for the next one that waits
            return rules

        waiting.addCallback(tell)
        return await maybe_deferred_to_future(turn)


def obey_robots(settings: BaseSettings, /) -> None:
    """Put `Robots` in the place of Scrapy's own, unless a user has changed that."""
    chosen = settings.getdict(_SETTING)
    if any(load_object(each) is RobotsTxtMiddleware for each in chosen):
        return
    settings.set_in_component_priority_dict(_SETTING, RobotsTxtMiddleware, None)
    settings.setdefault_in_component_priority_dict(_SETTING, Robots, _ORDER)
