"""Generate the homes of the demo site: what stays the same from day to day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Literal

from propload_spiders.demo.places import AGENTS, STREETS, TOWNS, Agent, Town, slug_of

if TYPE_CHECKING:
    from propload_spiders.extraction.addresses import Offering

Kind = Literal["house", "apartment", "parking", "land"]

#: The date of the site's day 0, which lies before any crawl.
FIRST_DAY = date(2026, 9, 1)

_LABELS = ("A++++", "A+++", "A++", "A+", "A", "B", "C", "D", "E", "F", "G")
_SUFFIXES = ("", "", "", "", "", "A", "B", "2", "huis", "H-1")
_SUBTYPES: dict[Kind, tuple[str, ...]] = {
    "house": ("Eengezinswoning, tussenwoning", "Villa, vrijstaande woning"),
    "apartment": ("Benedenwoning (appartement)", "Galerijflat (appartement)"),
    "parking": ("Parkeerplaats",),
    "land": ("Bouwgrond",),
}
_SLUGS: dict[Kind, str] = {
    "house": "huis",
    "apartment": "appartement",
    "parking": "parkeergelegenheid",
    "land": "bouwgrond",
}
_SUMMER = timezone(timedelta(hours=2))


@dataclass(frozen=True, slots=True)
class Home:
    """One home; None means that its pages do not say.

    Attributes:
        listing_id: The eight digits in its address.
        global_id: The id in payloads.
        slug_id: A third id, in the payload of its detail page.
        offering: Whether it is for sale or for rent.
        kind: The kind of property.
        subtype: The subtype, in Dutch.
        is_new: Whether it is newly built.
        town: Its town.
        quarter: Its neighbourhood.
        street: Its street.
        number: Its house number.
        suffix: The suffix of the house number, or "".
        postal_code: `1912AB`.
        latitude: Degrees north.
        longitude: Degrees east.
        living_area: The living area in m².
        plot_area: The plot area in m².
        volume: The volume in m³.
        rooms: The number of rooms, bedrooms included.
        bedrooms: The number of bedrooms.
        bathrooms: The number of bathrooms.
        stories: The number of its own stories.
        floor: The floor that it is on, in Dutch.
        built: The year or period of construction, in Dutch.
        label: The energy label.
        ownership: The form of ownership, in Dutch.
        asked: The asking price or the rent, in euros.
        condition: `kosten_koper`, `vrij_op_naam`, `per_month` or `per_year`.
        fee: The monthly fee of the owners' association, in cents.
        agent: The agent who offers it.
        photos: The number of photos.
        published: When it appeared on the site.
        listed_hidden: Whether its detail page hides since when it is listed.
    """

    listing_id: str
    global_id: int
    slug_id: int
    offering: Offering
    kind: Kind
    subtype: str
    is_new: bool
    town: Town
    quarter: str
    street: str
    number: int
    suffix: str
    postal_code: str
    latitude: float
    longitude: float
    living_area: int | None
    plot_area: int | None
    volume: int | None
    rooms: int | None
    bedrooms: int | None
    bathrooms: int | None
    stories: int | None
    floor: str | None
    built: str | None
    label: str | None
    ownership: str | None
    asked: int
    condition: str
    fee: int | None
    agent: Agent
    photos: int
    published: datetime
    listed_hidden: bool

    @property
    def address(self) -> str:
        """Street, number and suffix as a page shows them."""
        return f"{self.street} {self.number}{f'-{self.suffix}' if self.suffix else ''}"

    @property
    def spaced_code(self) -> str:
        """The postal code as a page shows it: `1912 AB`."""
        return f"{self.postal_code[:4]} {self.postal_code[4:]}"

    @property
    def word(self) -> str:
        """The Dutch word for the offering, in addresses and titles."""
        return "koop" if self.offering == "buy" else "huur"

    @property
    def slug(self) -> str:
        """The part of its URL with its kind, street and number."""
        return f"{_SLUGS[self.kind]}-{slug_of(self.address)}"

    @property
    def published_text(self) -> str:
        """When it appeared on the site, with seven decimals as in payloads."""
        local = self.published.astimezone(_SUMMER)
        return f"{local:%Y-%m-%dT%H:%M:%S.%f}{self.global_id % 10}+02:00"


def make_home(
    seed: int, number: int, offering: Offering, day: int, *, is_new: bool
) -> Home:
    """Return a home, always the same for the same seed and number.

    Args:
        seed: The site's seed.
        number: The home's number, unique in the site.
        offering: Whether it is for sale or for rent.
        day: The day on which it appeared on the site; for the first homes, the day
            before which it did.
        is_new: Whether it appeared exactly on that day.
    """
    dice = Random(f"{seed}/{number}")
    kind = _kind(dice, offering)
    town = dice.choices(TOWNS, [each.share for each in TOWNS])[0]
    is_home = kind in ("house", "apartment")
    area = _area(dice, kind)
    rooms = max(area // 28, 1) if is_home and dice.random() < 0.97 else None
    plot = int(area * dice.uniform(1.1, 6)) if kind == "house" else None
    asked, condition = _price(dice, kind, offering, area)
    return Home(
        # steps of 7 plus a random number below 7: unique but not consecutive
        listing_id=str(41_000_000 + number * 7 + dice.randrange(7)),
        global_id=7_000_000 + number,
        slug_id=17_000_000 + number * 3,
        offering=offering,
        kind=kind,
        subtype=dice.choice(_SUBTYPES[kind]),
        is_new=is_home and dice.random() < 0.08,
        town=town,
        quarter=dice.choice(town.quarters),
        street=dice.choice(STREETS),
        number=dice.randint(1, 400),
        suffix=dice.choice(_SUFFIXES),
        postal_code=f"{town.postal + dice.randrange(10)}{_letters(dice)}",
        latitude=round(town.latitude + dice.uniform(-0.03, 0.03), 6),
        longitude=round(town.longitude + dice.uniform(-0.05, 0.05), 6),
        living_area=area if is_home and dice.random() < 0.98 else None,
        plot_area=area if kind == "land" else plot,
        volume=int(area * dice.uniform(2.7, 3.4)) if is_home else None,
        rooms=rooms,
        bedrooms=max(rooms - 1, 1) if rooms and dice.random() < 0.95 else None,
        bathrooms=dice.choice((1, 1, 1, 2)) if is_home else None,
        stories=dice.randint(1, 3) if is_home else None,
        floor=_floor(dice) if kind == "apartment" else None,
        built=_built(dice) if is_home else None,
        label=dice.choice(_LABELS) if is_home and dice.random() < 0.75 else None,
        ownership=dice.choice(("Volle eigendom", "Gemeentelijke erfpacht")),
        asked=asked,
        condition=condition,
        fee=dice.randint(4_000, 31_000) if kind == "apartment" else None,
        agent=dice.choice(AGENTS),
        photos=dice.randint(0, 60),
        published=_published(dice, day, is_new=is_new),
        listed_hidden=dice.random() < 0.8,
    )


def _kind(dice: Random, offering: Offering) -> Kind:
    kinds: tuple[Kind, ...] = ("house", "apartment", "parking", "land")
    weights = (48, 48, 2, 2) if offering == "buy" else (15, 75, 10, 0)
    return dice.choices(kinds, weights)[0]


def _area(dice: Random, kind: Kind) -> int:
    if kind == "parking":
        return dice.randint(12, 20)
    if kind == "land":
        return dice.randint(300, 2_500)
    return int(dice.triangular(28, 260, 85))


def _price(dice: Random, kind: Kind, offering: Offering, area: int) -> tuple[int, str]:
    """Return the price or rent in whole euros, and its condition."""
    if offering == "buy":
        per_square_metre = {"parking": 2_000, "land": 400}.get(
            kind, dice.randint(3_200, 8_400)
        )
        condition = "vrij_op_naam" if dice.random() < 0.06 else "kosten_koper"
        return round(area * per_square_metre, -3) or 1_000, condition
    if kind == "parking":
        return dice.randint(80, 190) * 10, dice.choice(("per_year", "per_month"))
    return round(area * dice.randint(16, 30), -1), "per_month"


def _letters(dice: Random) -> str:
    # real codes have no F, I, O, Q, U or Y, nor SA, SD or SS
    return "".join(dice.choices("ABCDEGHJKLMNPRTVWXZ", k=2))


def _floor(dice: Random) -> str:
    floor = dice.randint(0, 9)
    return "Begane grond" if floor == 0 else f"{floor}e woonlaag"


def _built(dice: Random) -> str:
    year = dice.randint(1880, 2025)
    throw = dice.random()
    if throw < 0.05:
        return "Voor 1906"
    if throw < 0.1:
        return "na 2020"
    return (
        f"{year - year % 10 + 1}-{year - year % 10 + 14}" if throw < 0.2 else f"{year}"
    )


def _published(dice: Random, day: int, *, is_new: bool) -> datetime:
    back = 0 if is_new else dice.randint(1, 200)
    moment = FIRST_DAY + timedelta(days=day - back)
    # between 7:00 and 17:00 UTC, in microseconds; `published_text` adds a seventh digit
    second = timedelta(hours=7, microseconds=dice.randrange(10 * 3600 * 10**6))
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC) + second
