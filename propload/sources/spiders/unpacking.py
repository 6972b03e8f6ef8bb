"""Answers that unpack to more than is taken: pages that did not come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Request, Response
    from scrapy.signalmanager import SignalManager

#: What is sent with a request whose answer was given up.
given_up = object()


class Unpacking(HttpCompressionMiddleware):
    """Says of which answer Scrapy has unpacked too much; it only logs that.

    Attributes:
        signals: The crawl's.
    """

    signals: SignalManager

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Unpacking:
        """Return the middleware of a crawl."""
        made = super().from_crawler(crawler)
        made.signals = crawler.signals
        return made

    def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002 - its signature
    ) -> Request | Response:
        """Return the answer unpacked.

        Raises:
            IgnoreRequest: It is too large.
        """
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            self.signals.send_catch_log(given_up, request=request)
            raise
