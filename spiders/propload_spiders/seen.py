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
        self._pending: dict[str, ListingItem] = {}

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
    def pending_count(self) -> int:
        """The number of listings that wait for their detail page."""
        return len(self._pending)

    def add_pending(self, item: ListingItem, /) -> None:
        """Note that a listing waits for its detail page."""
        self._pending[item.listing_id] = item

    def remove_pending(self, item: ListingItem | None, /) -> None:
        """Note that a listing's detail page has come, or will not come."""
        if item is not None:
            self._pending.pop(item.listing_id, None)

    def take_pending(self) -> tuple[ListingItem, ...]:
        """Remove and return the items of all listings that wait."""
        pending = tuple(self._pending.values())
        self._pending.clear()
        return pending

    def was_taken(self, item: ListingItem, /) -> bool:
        """Return whether a listing's item was handed over before its page came."""
        key = item.listing_id
        # the first condition excludes listings seen before a crawl with a JOBDIR was
        # resumed
        return key in self._seen and key not in self._pending
