"""Walk through the pages of a search: which page comes next, and when to stop.

The site's pages have no link to the next one. Past the end, the site has been seen to
return an empty page, and also to return the last page again. So the walk relies on the
total that the site states or, without one, on the listings that the pages contain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from propload.messages.wording import counted
from propload_spiders.extraction.addresses import PAGE_SIZE, page_number, place_of

if TYPE_CHECKING:
    from typing import Self

    from propload_spiders.extraction.search import SearchPage

#: Pages in a row without a new listing that end a walk. One such page is possible, as
#: rows shift while a live search is walked; a second is the site repeating itself.
_MOST_PAGES_WITHOUT_NEW = 2


@dataclass(frozen=True, slots=True)
class Walk:
    """The state of the walk through one search.

    Attributes:
        place: The place's slug; empty for a search anywhere, or of a given URL.
        page: The number of the page to request, from 1.
        first: The number of the page that the walk began at.
        total: Listings of the search as the site last stated; None while unknown.
        stated_total: The largest number of listings that the site has stated.
        seen: The number of different listings on its pages.
        page_rows: The most listings seen on one page.
        pages_without_new: The number of latest pages in a row without a new listing.
        tries: How often this page has already been returned without a card.
        url: The address of a search that was given by address, otherwise None.
    """

    place: str
    page: int = 1
    first: int = 1
    total: int | None = None
    stated_total: int = 0
    seen: int = 0
    page_rows: int = PAGE_SIZE
    pages_without_new: int = 0
    tries: int = 0
    url: str | None = None

    @classmethod
    def from_url(cls, url: str, /) -> Self:
        """Return the walk that begins at the address of a search page."""
        page = page_number(url)
        return cls(place_of(url).lower(), page=page, first=page, url=url)

    @property
    def name(self) -> str:
        """The name of the search in messages: its address if given, or its place."""
        return self.url or self.place or "anywhere"

    @property
    def last_page(self) -> int | None:
        """The number of the last page; None if the number of listings is unknown."""
        if self.total is None:
            return None
        return max(-(-self.total // self.page_rows), 1)

    def is_last_of(self, max_pages: int, /) -> bool:
        """Return whether the page is the last of `max_pages`; 0 means no limit."""
        return bool(max_pages) and self.page - self.first + 1 >= max_pages

    def with_page(self, page: SearchPage, fresh: int, /) -> Walk:
        """Return the walk after a page was read that had `fresh` new listings."""
        return replace(
            self,
            total=self.total if page.total is None else page.total,
            # the maximum: when a listing leaves, another shifts to a page already read
            # and is skipped, which the lower total would hide
            stated_total=max(self.stated_total, page.total or 0),
            # if some can be read, the unread ones are different listings
            seen=self.seen + fresh + (page.unread if page.items else 0),
            page_rows=max(self.page_rows, len(page.items)),
            pages_without_new=0 if fresh else self.pages_without_new + 1,
        )

    def next(self, *, max_pages: int, rows: int | None = None) -> Walk | None:
        """Return the walk at the next page, or None if it ends here.

        Args:
            max_pages: Most pages to request; 0 for no limit.
            rows: Listings on the page just read; None if it could not be fetched.
        """
        onward = replace(self, page=self.page + 1, tries=0)
        if (
            self.is_last_of(max_pages)
            or self.pages_without_new >= _MOST_PAGES_WITHOUT_NEW
        ):
            return None
        if self.last_page is not None:
            return onward if onward.page <= self.last_page else None
        # without a total, a page that is not full is the last one
        return onward if rows is not None and rows >= self.page_rows else None

    def shortage_message(self, *, max_pages: int) -> str:
        """Return the message about a walk that ended with too few listings, or "".

        Args:
            max_pages: Most pages to request; 0 for no limit.
        """
        last = self.last_page or 0
        is_part = self.first > 1 or (self.is_last_of(max_pages) and self.page < last)
        if self.seen >= self.stated_total or is_part:
            return ""
        return (
            f"the site named {counted(self.stated_total, 'listing')} for the search "
            f"{self.name}, and its pages held {self.seen:,}: rows shift while a search "
            "is walked, so a missing one is not necessarily withdrawn"
        )

    def lacks_cards(self, page: SearchPage, /) -> bool:
        """Return whether a page has no listing although it should have some."""
        if page.items or page.unread:
            return False
        after = self.with_page(page, 0)
        if after.last_page is None:
            return self.page == 1
        return bool(after.total) and self.page <= after.last_page

    def unknown_place_message(self, page: SearchPage, /) -> str:
        """Return the message about a page whose listings are of another place."""
        served = ", ".join(page.areas or sorted(set(page.cities))[:3])
        instead = f"served {served} instead ({page.total} listings)"
        return (
            f"the site does not know the place {self.place!r} and "
            f"{instead if served else 'answered without a listing'}: nothing was "
            "taken. Write it as the site's addresses do (den-haag, rijswijk-zh)"
        )
