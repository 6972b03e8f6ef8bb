"""What the demo site does to a crawl, each a switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Traps:
    """The site's behaviour; by default it answers everything, at once.

    Odd values are always there: missing fields, names that end in a space, dates
    with seven digits of a second, rents by the year, three ids for one listing.

    Attributes:
        unknown_area: An unknown place serves the whole country, or no card.
        past_end: A page past the last one is empty, or the last one again.
        empty_pages: Numbers of search pages that never have a card.
        empty_once: Numbers of search pages that have none when first asked for.
        shift_every: Search pages after which a new listing enters at the top and
            the rows move down; 0 for never.
        drop_every: Search pages after which the newest listing leaves and the rows
            move up; 0 for never.
        without_payload: Share of search pages without a payload; every second of
            them has no JSON-LD either.
        markup_only: Share of detail pages that have their rows in the markup only.
        gone: Share of the listings on search pages whose own page is gone.
        failing: Share of answers that fail: 500, 503, a cut line, half a page.
        slow: Share of answers that take `slow_seconds`.
        slow_seconds: How long a slow answer takes.
        block_after: Pages after which every answer is a block page; None for never.
        block_status: The status of that block page.
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

#: Every trap that a crawl can come through with all listings.
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
