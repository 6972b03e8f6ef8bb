"""Answers that Scrapy hands to a callback, and failures that it hands to an errback."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from scrapy.exceptions import IgnoreRequest
from scrapy.http import TextResponse
from scrapy.spidermiddlewares.httperror import HttpError

from propload_spiders.extraction.kinds import kind_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from twisted.python.failure import Failure


def request_of(failure: Failure, /) -> Request:
    """Return the request that failed; Scrapy hangs it on the failure."""
    return cast("Request", failure.request)  # type: ignore[attr-defined] # see above


def page_text(response: Response, /) -> str:
    """Return an answer's text, whatever type the site says it has."""
    if isinstance(response, TextResponse):
        return response.text
    return response.body.decode("utf-8", "replace")


def asked_url(response: Response, /) -> str:
    """Return the address that was asked for, before the site led elsewhere."""
    urls: list[str] = response.meta.get("redirect_urls") or [response.url]
    return urls[0]


def refusal(failure: Failure, /) -> Response | None:
    """Return the answer of a failure that is a refusal, else None."""
    error = failure.value
    if not isinstance(error, HttpError):
        return None
    response = error.response
    kind = kind_of(page_text(response), response.status)
    return response if kind == "blocked" else None


def is_forbidden(failure: Failure, /) -> bool:
    """Return whether robots.txt kept a request from being sent."""
    error = failure.value
    return isinstance(error, IgnoreRequest) and not isinstance(error, HttpError)


def reason_of(failure: Failure, /) -> str:
    """Return why an answer did not come, in a few words."""
    error = failure.value
    if isinstance(error, HttpError):
        return f"HTTP {error.response.status}"
    return f"{type(error).__name__}: {error}".rstrip(": ")
