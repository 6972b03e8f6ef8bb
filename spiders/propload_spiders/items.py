"""The item that a spider yields: the texts of one listing, as the page has them.

This is the only definition of the fields, and the contract with the mapping `funda`.
Every field is text or None, never a number, so that a column has the same type
whichever page it came from:

- a text of the page is kept as the page shows it, with whitespace collapsed:
  `€ 495.000 kosten koper`, `3 kamers (2 slaapkamers)`, `20 april 2026`;
- a value of the page's payload is kept as JSON writes it: `495000`, `kosten_koper`,
  `2026-07-02T11:42:25.8657786+02:00`; of a list with one element, the element;
- what a page does not say, or hides behind a login, is None.

So `price_text` holds `495000` or `€ 495.000 kosten koper`, and the mapping reads both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

_YEAR = re.compile(r"\b\d{4}\b")


@dataclass(frozen=True, slots=True)
class ListingItem:
    """The texts of one listing.

    Attributes:
        source: The site: `funda`.
        listing_id: The digits at the end of its URL; with `source`, its key.
        url: The absolute address of its page.
        scraped_at: When the page was read: ISO 8601, UTC, microseconds, `+00:00`.
        page: What it was read from: `search`, `detail` (search texts fill what the
            detail page lacks) or `gone` (the page no longer exists).
        global_id: The site's second id, from the payload.
        offering: `buy` or `rent` (payload), `koop` or `huur` (URL).
        status_text: Payload token (`none`, `under_bid`, `sold`, ...; `none` also for
            a card without a badge among open listings), the text of the row Status
            (`Onder bod`, ...), or `withdrawn` if the page is gone and its address does
            not say that it was sold or rented.
        object_type: `house`, `apartment`, `parking`, ... (payload), `huis`,
            `appartement`, ... (URL).
        listing_type: `single`, or `group` for a project of several homes.
        subtype_text: `Benedenwoning (appartement)`.
        construction_text: `resale`, `newly_built`, `Bestaande bouw`, `Nieuwbouw`.
        price_text: The asking price; on a sold page the last one. Never the price
            paid, which the site does not know.
        price_condition_text: `kosten_koper`, `vrij_op_naam`; None if the condition is
            part of `price_text`.
        original_price_text: The first asking price.
        rent_text: `2110` or `€ 1.725 per maand (servicekosten onbekend)`.
        rent_condition_text: `per_month`, `per_year`; None if it is part of
            `rent_text`.
        monthly_fee_text: `€ 164,54 per maand`.
        listed_text: Payload timestamp, `20 april 2026`, `3 weken`, `Vandaag`.
        sold_text: Day of sale: `15 juli 2025`.
        duration_text: Time on the market of a sold listing: `4 weken`.
        acceptance_text: `Per direct beschikbaar`.
        living_area_text: `59` or `59 m²`.
        plot_area_text: `93` or `1.234 m²`.
        volume_text: `218 m³`.
        rooms_text: `3` or `3 kamers (2 slaapkamers)`.
        bedrooms_text: `2` (payload only; otherwise part of `rooms_text`).
        bathrooms_text: `1 badkamer en 1 apart toilet`.
        stories_text: `1 woonlaag`.
        floor_text: `Begane grond`.
        year_built_text: `1922`, `1931-1944`, `Voor 1906`, `na 2020`.
        energy_label_text: `A+++` to `G`, `unknown`.
        ownership_text: `Volle eigendom`, `Gemeentelijke erfpacht`.
        ownership_fees_text: `Afgekocht tot 30-09-2054`.
        address_text: Street and number in one text, as the page shows them:
            `Houttuinen 38-C`.
        street: The street alone, from the payload.
        house_number: `38`.
        house_number_suffix: `C`.
        postal_code: `2611DX` or `2611 DX`.
        city: `Delft`.
        municipality: `Delft`.
        district: `Wijk 11 Binnenstad`.
        neighbourhood: `Stationsbuurt`.
        province: `Zuid-Holland`.
        country: `NL`.
        latitude: Degrees north with a decimal point, detail pages only.
        longitude: Degrees east with a decimal point, detail pages only.
        agent_id: The primary agent's number.
        agent_name: The primary agent's name, with the spaces that the payload has.
        photo_count: How many photos there are.
        description: The text of the page, with its line breaks.
        features: A JSON object of every row of the detail page: its value by its id,
            or, if it has none or is a provisional energy label, by its titles joined
            with ` / `. A repeated name gets the suffix `#2`, `#3`, ...
    """

    source: str
    listing_id: str
    url: str
    scraped_at: str
    page: str
    global_id: str | None = None
    offering: str | None = None
    status_text: str | None = None
    object_type: str | None = None
    listing_type: str | None = None
    subtype_text: str | None = None
    construction_text: str | None = None
    price_text: str | None = None
    price_condition_text: str | None = None
    original_price_text: str | None = None
    rent_text: str | None = None
    rent_condition_text: str | None = None
    monthly_fee_text: str | None = None
    listed_text: str | None = None
    sold_text: str | None = None
    duration_text: str | None = None
    acceptance_text: str | None = None
    living_area_text: str | None = None
    plot_area_text: str | None = None
    volume_text: str | None = None
    rooms_text: str | None = None
    bedrooms_text: str | None = None
    bathrooms_text: str | None = None
    stories_text: str | None = None
    floor_text: str | None = None
    year_built_text: str | None = None
    energy_label_text: str | None = None
    ownership_text: str | None = None
    ownership_fees_text: str | None = None
    address_text: str | None = None
    street: str | None = None
    house_number: str | None = None
    house_number_suffix: str | None = None
    postal_code: str | None = None
    city: str | None = None
    municipality: str | None = None
    district: str | None = None
    neighbourhood: str | None = None
    province: str | None = None
    country: str | None = None
    latitude: str | None = None
    longitude: str | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    photo_count: str | None = None
    description: str | None = None
    features: str | None = None

    def fill_missing_from(self, other: ListingItem) -> ListingItem:
        """Return this item, with missing texts filled from the other one.

        A relative `listed_text` (`3 weken`) is replaced by one that names the day.
        """
        gaps = {
            field.name: getattr(other, field.name)
            for field in fields(self)
            if getattr(self, field.name) is None
        }
        if _names_year(other.listed_text) and not _names_year(self.listed_text):
            gaps["listed_text"] = other.listed_text
        return replace(self, **gaps)


def _names_year(day: str | None) -> bool:
    """Return whether a text names a day with its year."""
    return day is not None and _YEAR.search(day) is not None
