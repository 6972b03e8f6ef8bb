"""The traps that the demo site can set for a crawl, each with its own switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Traps:
    """The site's behaviour; by default every request is answered immediately.

    Odd values are always present: missing fields, names that end in a space, times with
    seven decimals, yearly rents, three ids for one listing.

    Attributes:
        unknown_area: An unknown place shows the whole country, or no card.
        past_end: A page past the last one is empty, or the last one again.
        empty_pages: Numbers of search pages that never have a card.
        empty_once: Numbers of search pages that have no card on the first request.
        shift_every: Number of search pages after which a new listing enters at the top
            and the rows move down; 0 for never.
        drop_every: Number of search pages after which the newest listing leaves and the
            rows move up; 0 for never.
        without_payload: Share of search pages without a payload; half of them have no
            JSON-LD either.
        markup_only: Share of detail pages that have their rows in the markup only.
        gone: Share of the listings on search pages whose detail page is gone.
        failing: Share of responses that fail: status 500 or 503, a reset connection, or
            half a page.
        slow: Share of responses that are delayed by `slow_seconds`.
        slow_seconds: The delay of a slow response, in seconds.
        block_after: Number of pages after which only block pages are sent; None for
            never.
        block_status: The status of the block pages.
        robots: What robots.txt allows.
    """

    unknown_area: Literal["nationwide", "empty"] = "nationwide"
    past_end: Literal["empty", "repeat"] = "empty"
    empty_pages: tuple[int, ...] = ()
    empty_once: tuple[int, ...] = ()
    shift_every: int = 0
    drop_every: int = 0
    without_payload: float = 0.0
    markup_only: float = 0.0
    gone: float = 0.0
    failing: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 0.05
    block_after: int | None = None
    block_status: Literal[200, 403, 429] = 200
    robots: Literal["all", "details", "nothing"] = "all"


NO_TRAPS = Traps()

#: Every trap that still lets a crawl find all listings.
ALL_TRAPS = Traps(
    past_end="repeat",
    empty_once=(2, 5),
    shift_every=7,
    drop_every=11,
    without_payload=0.1,
    markup_only=0.2,
    gone=0.01,
    failing=0.05,
    slow=0.02,
)
