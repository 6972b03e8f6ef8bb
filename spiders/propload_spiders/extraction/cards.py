"""Read the cards in a search page's markup, if payload and JSON-LD are not enough."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parsel import Selector, SelectorList

from propload_spiders.extraction.addresses import absolute, read_listing_url
from propload_spiders.extraction.texts import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload_spiders.items import ListingItem

_LINK = '//a[@data-testid="listingDetailsAddress" and @href]'
_CARD = 'ancestor::div[contains(concat(" ", @class, " "), " @container ")][1]'
_AGENT = re.compile(r"/makelaars?/(?:[a-z-]+/)?(\d+)-")
_POSTAL_CODE = re.compile(r"^(\d{4} ?[A-Z]{2})\s+(.+)$")
_LABEL = re.compile(r"^[A-G]\+{0,5}$")
_PRICE = re.compile(r"€|^(?:(?:huur|verkoop)?prijs|price) (?:op aanvraag|on request)")
_PERIOD = re.compile(r"/ ?(?:maand|month|jaar|year)|per (?:maand|month|jaar|year)")
_HEADING = '//*[@data-testid="pageHeader"]//text()'
_TOTAL = re.compile(r"^\s*(\d[\d.,]*)\s")
#: Badges of a card that state the status; others, such as `Nieuw`, do not.
_STATUSES = re.compile(
    r"^(?:onder bod|onder optie|verkocht|verhuurd|gereserveerd|under offer|"
    r"under option|sold|rented)\b",
    re.IGNORECASE,
)
#: The parameter value in the address of a search for sold or rented listings.
_CLOSED = "unavailable"
#: Words for land without a building in addresses.
_GROUND = frozenset({"bouwgrond", "kavel", "land", "grond"})
#: The start of the icon's path beside a plot area, its only difference from a living
#: area.
_PLOT_ICON = "M43 5.5"


@dataclass(frozen=True, slots=True)
class Cards:
    """The listings of a page's cards by id, in page order, and the search's total."""

    items: dict[str, ListingItem]
    total: int | None


def read_cards(html: str, /, *, url: str, scraped_at: str) -> Cards:
    """Return the listings of a page's cards, and the total in its heading."""
    page = Selector(html, type="html")
    items_by_id: dict[str, ListingItem] = {}
    for link in page.xpath(_LINK):
        item = _item(link, url, scraped_at)
        if item is not None:
            items_by_id.setdefault(item.listing_id, item)
    number = _TOTAL.match(joined(page.xpath(_HEADING).getall()) or "")
    total = int(re.sub(r"[.,]", "", number[1])) if number else None
    return Cards(items_by_id, total)


def _item(link: Selector, url: str, scraped_at: str) -> ListingItem | None:
    address = read_listing_url(absolute(url, link.attrib["href"]))
    if address is None:
        return None
    lines = [joined(line.xpath(".//text()").getall()) for line in link.xpath("./div")]
    street, place = [*lines, None, None][:2]
    code = _POSTAL_CODE.match(place or "")
    card = link.xpath(_CARD)
    texts = [
        text for each in card.xpath(".//text()").getall() if (text := each.strip())
    ]
    price = next((text for text in texts if _PRICE.search(text)), None)
    rented = address.offering == "huur" or bool(price and _PERIOD.search(price))
    return address.item(
        "search",
        scraped_at,
        status_text=_status(texts, is_closed=address.sold or _CLOSED in url),
        price_text=None if rented else price,
        rent_text=price if rented else None,
        address_text=street,
        postal_code=code[1] if code else None,
        city=code[2] if code else place,
        **_facts(card.xpath(".//li"), address.object_type),
        **read_agent(card),
    )


def _status(texts: Sequence[str], *, is_closed: bool) -> str | None:
    """Return the text of a card's status badge; `none` for an open listing without one.

    None means that the status is unknown.

    Args:
        texts: The card's texts; if there are none, its badge is unknown.
        is_closed: Whether the listing is sold or rented, or the search is for such
            listings.
    """
    badge = next((text for text in texts if _STATUSES.match(text)), None)
    return badge or ("none" if texts and not is_closed else None)


def _facts(rows: SelectorList[Selector], kind: str | None) -> dict[str, str | None]:
    """Return areas, bedrooms and energy label of a card's list, told apart by form."""
    facts = [joined(row.xpath(".//text()").getall()) or "" for row in rows]
    living: list[str] = []
    plot: list[str] = []
    for row, fact in zip(rows, facts, strict=True):
        if fact.endswith("m²"):
            icon = row.xpath(".//path/@d").get("")
            is_plot = icon.startswith(_PLOT_ICON) or living or kind in _GROUND
            (plot if is_plot else living).append(fact)
    return {
        "living_area_text": next(iter(living), None),
        "plot_area_text": next(iter(plot), None),
        "bedrooms_text": next((fact for fact in facts if fact.isdigit()), None),
        "energy_label_text": next((fact for fact in facts if _LABEL.match(fact)), None),
    }


def read_agent(part: Selector | SelectorList[Selector], /) -> dict[str, str | None]:
    """Return the number and name of the first agent that this part links to."""
    for link in part.xpath('.//a[contains(@href, "/makelaar")]'):
        number = _AGENT.search(link.attrib["href"])
        name = joined(link.xpath(".//text()").getall())
        if number and name:
            return {"agent_id": number[1], "agent_name": name}
    return {}
