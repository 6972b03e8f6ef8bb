"""Which listings a crawl has seen, and which of these wait for their detail page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload_spiders.counting import LISTINGS, REPEATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propload_spiders.counting import Notes
    from propload_spiders.items import ListingItem


class SeenListings:
    """The listings that a crawl has seen on search pages or saved pages.

    Args:
        notes: The notes of the crawl, where listings are counted.
    """

    def __init__(self, notes: Notes, /) -> None:
        self._notes = notes
        self._seen: set[str] = set()
        self._waiting: dict[str, ListingItem] = {}

    def new(
        self, items: Iterable[ListingItem], /, *, by_page: bool = False
    ) -> Iterator[ListingItem]:
        """Yield the items of listings that this crawl has not seen before.

        Args:
            items: Items of one page.
            by_page: Whether a listing is yielded once for each kind of page.
        """
        for item in items:
            mark = f"{item.page} {item.listing_id}" if by_page else item.listing_id
            if mark in self._seen:
                self._notes.count(REPEATED)
                continue
            self._seen.add(mark)
            self._notes.count(LISTINGS)
            yield item

    @property
    def waiting(self) -> int:
        """The number of listings that wait for their detail page."""
        return len(self._waiting)

    def wait(self, item: ListingItem, /) -> None:
        """Note that a listing waits for its detail page."""
        self._waiting[item.listing_id] = item

    def arrive(self, known: ListingItem | None, /) -> None:
        """Note that a listing's detail page has come, or will not come."""
        if known is not None:
            self._waiting.pop(known.listing_id, None)

    def hand_over(self) -> tuple[ListingItem, ...]:
        """Remove and return the items of all listings that wait."""
        waiting = tuple(self._waiting.values())
        self._waiting.clear()
        return waiting

    def was_handed_over(self, known: ListingItem, /) -> bool:
        """Return whether a listing's item was handed over before its page came."""
        key = known.listing_id
        # the first condition excludes listings seen before a crawl with a JOBDIR was
        # resumed
        return key in self._seen and key not in self._waiting
