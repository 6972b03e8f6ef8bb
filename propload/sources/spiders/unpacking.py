"""Reports responses that unpack to more than is allowed, whose pages are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Request, Response
    from scrapy.signalmanager import SignalManager

#: The signal that is sent with a request whose response was given up.
response_given_up = object()


class ResponseUnpacker(HttpCompressionMiddleware):
    """Sends a signal if a response unpacks to more than is allowed.

    Scrapy itself only logs that.

    Attributes:
        signals: The signal manager of the crawl.
    """

    signals: SignalManager

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ResponseUnpacker:
        """Return the middleware of a crawl."""
        middleware = super().from_crawler(crawler)
        middleware.signals = crawler.signals
        return middleware

    def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002 - Scrapy passes it
    ) -> Request | Response:
        """Return the response, unpacked.

        Raises:
            IgnoreRequest: It is too large.
        """
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            self.signals.send_catch_log(response_given_up, request=request)
            raise
