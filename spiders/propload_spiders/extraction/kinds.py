"""Tell block pages and missing listings from pages that can be read."""

from __future__ import annotations

from typing import Literal

from propload_spiders.extraction.tags import elements

Kind = Literal["blocked", "gone", "page"]

_GONE_TITLES = (
    "deze pagina kunnen we niet vinden",
    "pagina niet gevonden",
    "we can't find this page",
    "page not found",
)
_BLOCK_TITLES = (
    "je bent bijna op de pagina die je zoekt",
    "you're almost on the page",
    "just a moment",
    "attention required",
    "access denied",
    "pardon our interruption",
)
#: Texts that only challenge pages contain, whatever the language of the title.
_BLOCK_MARKS = (
    "_cf_chl_opt",
    "challenge-error-text",
    "geo.captcha-delivery.com",
)
#: Statuses of a refusal, and of too many requests.
_BLOCK_STATUSES = frozenset({401, 403, 429})
_GONE_STATUSES = frozenset({404, 410})
#: Block pages have 6 to 15 kB: in a page of this length, the texts mean nothing.
_LONGEST_BLOCK_PAGE = 100_000


def kind_of(html: str, status: int = 200, /) -> Kind:
    """Return whether a response is a block page, a missing page, or a normal page.

    A block page can come with HTTP 200 as well as with an error status, so its text is
    examined; it is never taken for a page without listings.
    """
    title = title_of(html).replace("\u2019", "'").lower()
    if status in _BLOCK_STATUSES or title.startswith(_BLOCK_TITLES):
        return "blocked"
    is_short = len(html) < _LONGEST_BLOCK_PAGE
    if is_short and any(mark in html for mark in _BLOCK_MARKS):
        return "blocked"
    if status in _GONE_STATUSES or title.startswith(_GONE_TITLES):
        return "gone"
    return "page"


def title_of(html: str, /) -> str:
    """Return a page's title on one line, or ""."""
    _, title = next(elements(html, "title"), ("", ""))
    return " ".join(title.split())
