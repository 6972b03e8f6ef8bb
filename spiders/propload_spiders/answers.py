"""Interpret the responses and failures that Scrapy passes to callbacks and errbacks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import TextResponse
from scrapy.spidermiddlewares.httperror import HttpError

from propload.sources.spiders.robots import unread_rules
from propload.sources.spiders.site_pace import is_refused
from propload.sources.spiders.watching import describe_failure
from propload_spiders.extraction.addresses import is_search_url, read_listing_url
from propload_spiders.extraction.detail import gone_item, read_detail
from propload_spiders.extraction.kinds import kind_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from propload_spiders.extraction.kinds import Kind
    from propload_spiders.items import ListingItem

#: Words in addresses of challenge pages, to which a site redirects suspected bots.
_CHALLENGE = re.compile(
    r"captcha|challenge|are-you-(?:a-)?human|not-a-robot", re.IGNORECASE
)


def request_of(failure: Failure, /) -> Request:
    """Return the request that failed, which Scrapy attaches to the failure."""
    return cast("Request", failure.request)  # type: ignore[attr-defined] # see above


def page_text(response: Response, /) -> str:
    """Return a response's text, whatever content type the site declares."""
    if isinstance(response, TextResponse):
        return response.text
    return response.body.decode("utf-8", "replace")


def kind_of_answer(response: Response, /) -> Kind:
    """Return what kind of page a response is, judged by its text and its address."""
    if redirected_elsewhere(response) and _CHALLENGE.search(_place(response.url)):
        return "blocked"
    return kind_of(page_text(response), response.status)


def asked_url(current: Request | Response, /) -> str:
    """Return the address originally requested, before any redirect."""
    urls: list[str] = current.meta.get("redirect_urls") or [current.url]
    return urls[0]


def redirected_elsewhere(current: Request | Response, /) -> bool:
    """Return whether a redirect led from a listing or search to something else."""
    asked, reached = read_listing_url(asked_url(current)), read_listing_url(current.url)
    if asked_url(current) == current.url:
        return False
    if asked is None:
        return reached is not None or not is_search_url(current.url)
    return reached is None or reached.listing_id != asked.listing_id


def dropped_redirect_message(request: Request, /) -> str:
    """Return the message about a request that Scrapy drops as a duplicate.

    It is "" if the earlier request fetches what was asked for.
    """
    asked = asked_url(request)
    if request.url in request.meta.get("redirect_urls", ()):
        return f"{asked} is missing: it leads back to {request.url}, in a circle"
    if redirected_elsewhere(request):
        return f"{asked} leads to {request.url}, as another address does"
    return ""


def listing_of(
    response: Response, kind: Kind, /, *, scraped_at: str
) -> ListingItem | None:
    """Return the item of a listing's page; None if it holds no listing."""
    if kind == "gone":
        # the address after the redirect may show the status
        url = asked_url(response) if redirected_elsewhere(response) else response.url
        return gone_item(url, scraped_at=scraped_at)
    return read_detail(page_text(response), url=response.url, scraped_at=scraped_at)


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def refusal(failure: Failure, /) -> Response | None:
    """Return the response if the failure is a refusal by the site, otherwise None."""
    error = failure.value
    if not isinstance(error, HttpError):
        return None
    response = error.response
    is_refusal = is_refused(response.request) or kind_of_answer(response) == "blocked"
    return response if is_refusal else None


def is_forbidden(failure: Failure, /) -> bool:
    """Return whether robots.txt kept a request from being sent."""
    error = failure.value
    # IgnoreRequest is also raised after too many redirects
    is_ignored = isinstance(error, IgnoreRequest) and not unread_rules(error)
    return is_ignored and "robots.txt" in str(error)


def was_cancelled(failure: Failure, /) -> bool:
    """Return whether a request was cancelled because the crawl ends."""
    return isinstance(failure.value, DownloadCancelledError)


def reason_of(failure: Failure, /) -> str:
    """Return in a few words why there is no usable response."""
    error = failure.value
    if isinstance(error, HttpError):
        return f"HTTP {error.response.status}"
    return unread_rules(error) or describe_failure(error)
