"""Generate the market of the demo site: the state of each listing on each day."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Literal, cast

from propload_spiders.demo.homes import FIRST_DAY, Home, make_home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Status = Literal[
    "none",
    "under_bid",
    "sold_under_reservation",
    "sold",
    "rented_under_reservation",
    "rented",
    "withdrawn",
]

#: Each story below belongs to one home in this many, so that small sites have all.
_STORY_EVERY = 25


@dataclass(frozen=True, slots=True)
class Listing:
    """A home on the site, as of one day.

    Attributes:
        home: The home.
        status: The status in the payload; if it is `withdrawn`, there is no page.
        price: The asking price or rent, in whole euros.
        original_price: The first asking price or rent.
        closed_on: The day on which it was sold or rented, or None.
    """

    home: Home
    status: Status
    price: int
    original_price: int
    closed_on: date | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is sold or rented."""
        return self.status in ("sold", "rented")

    @property
    def path(self) -> str:
        """The path of its detail page, which changes when it is sold or rented."""
        done = {"sold": "verkocht/", "rented": "verhuurd/"}.get(self.status, "")
        home = self.home
        place = f"{home.word}/{done}{home.town.slug}"
        return f"/detail/{place}/{home.slug}/{home.listing_id}/"


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of the listings that changed from one day to the next."""

    new: frozenset[str]
    price_changed: frozenset[str]
    closed: frozenset[str]
    withdrawn: frozenset[str]
    relisted: frozenset[str]


class Market:
    """All listings of the demo site, day by day.

    Args:
        seed: The same seed makes the same market.
        listings: Homes for sale on day 0; a quarter as many are for rent, and a
            quarter as many are sold.
    """

    def __init__(self, seed: int, listings: int) -> None:
        self._seed = seed
        self._listings = listings
        self.on = lru_cache(maxsize=None)(self._on)

    def _on(self, day: int) -> Mapping[str, Listing]:
        """Return the listings of a day by id, including withdrawn ones."""
        if day == 0:
            return {each.home.listing_id: each for each in self._first()}
        before = self.on(day - 1)
        moved = {key: self._moved(each, day) for key, each in before.items()}
        return {**moved, **{each.home.listing_id: each for each in self._new(day)}}

    def changes(self, day: int) -> Changes:
        """Return what changed from the previous day to this one."""
        before = self.on(day - 1)
        ids: dict[str, set[str]] = {field.name: set() for field in fields(Changes)}
        for key, each in self.on(day).items():
            for change in _changes(before.get(key), each):
                ids[change].add(key)
        return Changes(**{name: frozenset(found) for name, found in ids.items()})

    def _first(self) -> list[Listing]:
        count, quarter = self._listings, self._listings // 4
        sale = [self._listed(number, 0) for number in range(count)]
        rent = [self._rented(count + number) for number in range(quarter)]
        sold = [self._sold(count + quarter + number) for number in range(quarter)]
        return [*sale, *rent, *sold]

    def _new(self, day: int) -> list[Listing]:
        arriving = max(self._listings // 50, 1)
        start = self._listings * 2 + (day - 1) * arriving
        return [
            self._listed(start + number, day, is_new=True) for number in range(arriving)
        ]

    def _listed(self, number: int, day: int, *, is_new: bool = False) -> Listing:
        home = make_home(self._seed, number, "buy", day, is_new=is_new)
        throw = Random(f"{self._seed}/{number}/first").random()
        status: Status = "none"
        if not is_new and not _story(home) and throw < 0.13:
            status = "under_bid" if throw < 0.08 else "sold_under_reservation"
        return Listing(home, status, home.asked, home.asked)

    def _rented(self, number: int) -> Listing:
        home = make_home(self._seed, number, "rent", 0, is_new=False)
        throw = Random(f"{self._seed}/{number}/first").random()
        status: Status = "rented_under_reservation" if throw < 0.13 else "none"
        return Listing(home, status, home.asked, home.asked)

    def _sold(self, number: int) -> Listing:
        home = make_home(self._seed, number, "buy", 0, is_new=False)
        dice = Random(f"{self._seed}/{number}/first")
        listed = home.published.date()
        on = listed + timedelta(days=dice.randint(0, (FIRST_DAY - listed).days))
        return Listing(home, "sold", home.asked, home.asked, on)

    def _moved(self, listing: Listing, day: int) -> Listing:
        """Return a listing of the previous day as it is on this day."""
        home = listing.home
        if home.offering == "rent" or listing.is_closed:
            return listing
        dice = Random(f"{self._seed}/{home.listing_id}/{day}")
        event = _STORIES.get((_story(home), day)) or _chance(listing, dice.random())
        today = FIRST_DAY + timedelta(days=day)
        if event == "price":
            return replace(listing, price=_new_price(listing.price, dice))
        if event == "relisted":
            price = _new_price(listing.price, dice)
            return replace(listing, status="none", price=price)
        if event == "sold":
            return replace(listing, status="sold", closed_on=today)
        return replace(listing, status=cast("Status", event)) if event else listing


_STORIES: dict[tuple[int, int], str] = {
    (1, 1): "price",
    (2, 1): "sold",
    (3, 1): "withdrawn",
    (3, 2): "relisted",
    (4, 1): "under_bid",
    (4, 2): "sold_under_reservation",
    (4, 3): "sold",
}


def _story(home: Home) -> int:
    """Return the number of a home's story in `_STORIES`; 0 for none."""
    number = home.global_id % _STORY_EVERY
    return number if 1 <= number <= 4 else 0


def _chance(listing: Listing, throw: float) -> str | None:
    """Return a random event of one day for a listing; None for no event."""
    chances: Mapping[str, tuple[tuple[float, str], ...]] = {
        "none": ((0.03, "price"), (0.06, "under_bid"), (0.075, "withdrawn")),
        "under_bid": ((0.35, "sold_under_reservation"), (0.45, "none")),
        "sold_under_reservation": ((0.5, "sold"),),
        "withdrawn": ((0.2, "relisted"),),
    }
    return next(
        (event for below, event in chances.get(listing.status, ()) if throw < below),
        None,
    )


def _new_price(price: int, dice: Random) -> int:
    """Return a price that differs from the old one, mostly lower."""
    factor = dice.choice((0.94, 0.95, 0.96, 0.97, 0.98, 1.03))
    return int(round(price * factor, -2)) if price >= 20_000 else price - 100


def _changes(before: Listing | None, after: Listing) -> Iterator[str]:
    """Yield the fields of `Changes` that apply to a listing."""
    if before is None:
        yield "new"
    elif before.status == "withdrawn" and after.status != "withdrawn":
        yield "relisted"
    else:
        if before.status != "withdrawn" and after.status == "withdrawn":
            yield "withdrawn"
        if after.is_closed and not before.is_closed:
            yield "closed"
        if before.price != after.price:
            yield "price_changed"
