"""Column names of files, and the field of a listing that each stands for.

Fields have the names of a spider's item. Names are compared without case, spaces,
punctuation and accents, so `Asking price`, `asking_price` and `AskingPrice` are equal.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from propload_spiders.vocabulary import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The names of each field. If a file has several of them, each cell is taken from the
#: first that has a value. The field's own name is always included, and comes first.
SYNONYMS: Mapping[str, str] = {
    "source": "bron, site",
    "listing_id": "funda id, tiny id, object id",
    "global_id": "source global id",
    "url": (
        "link, listing url, detail url, page url, href, object detail page relative url"
    ),
    "scraped_at": (
        "scraped, scrape date, scraped on, date scraped, crawled at, retrieved at, "
        "fetched at, timestamp, log time"
    ),
    "page": "",
    "offering": "offering type, transaction type, trade type",
    "status_text": "status, status raw, listing status, availability, beschikbaarheid",
    "object_type": "property type, house type, type woning, woningtype",
    "listing_type": "",
    "subtype_text": "property subtype",
    "apartment_text": "soort appartement, type apartment, kind of apartment",
    "house_text": "soort woonhuis, kind of house, type of house",
    "construction_text": (
        "soort bouw, building type, construction type, is new construction, "
        "type of construction"
    ),
    "price_text": (
        "vraagprijs, laatste vraagprijs, asking price, last asking price, "
        "asking price eur, list price, selling price, koopprijs, prijs, price"
    ),
    "price_condition_text": (
        "price condition, selling price condition, sale type, conditie"
    ),
    "original_price_text": (
        "oorspronkelijke vraagprijs, original asking price, original list price"
    ),
    "rent_text": "huurprijs, rental price, rent price, rent",
    "rent_condition_text": (
        "rent price condition, rent condition, rent period, rental period"
    ),
    "monthly_fee_text": (
        "bijdrage vve, vve bijdrage, vve (owners association) contribution, "
        "vve contribution, monthly fee, servicekosten, service charges, service costs"
    ),
    "listed_text": (
        "aangeboden sinds, listed since, offered since, listed on, date listed, "
        "listed date, publish date, publication date, publicatiedatum"
    ),
    "sold_text": "verkoopdatum, date of sale, sold on, sold date, date sold, sale date",
    "duration_text": "looptijd, days on market, term, time on market",
    "acceptance_text": "",
    "living_area_text": (
        "wonen, woonoppervlakte, gebruiksoppervlakte wonen, gebruiksoppervlakte, "
        "living area, living area m2, living space, living area sqm, floor area, "
        "floor area m2, surface"
    ),
    "plot_area_text": (
        "perceel, perceeloppervlakte, plot size, plot area, plot area m2, "
        "plot size m2, lot size, lot area, lot size m2, plot"
    ),
    "volume_text": "inhoud, volume in cubic meters, volume, volume m3",
    "rooms_text": (
        "aantal kamers, number of rooms, rooms, room, kamers, num rooms, total rooms"
    ),
    "bedrooms_text": (
        "aantal slaapkamers, number of bedrooms, bedrooms, bedroom, slaapkamers, "
        "num bedrooms"
    ),
    "bathrooms_text": (
        "aantal badkamers, number of bath rooms, bathrooms, bathroom, badkamers, "
        "num bathrooms"
    ),
    "stories_text": "aantal woonlagen, number of stories, stories, woonlagen, floors",
    "floor_text": "gelegen op, located at, floor level, floor, verdieping",
    "year_built_text": (
        "bouwjaar, bouwperiode, year of construction, construction period, "
        "construction year, year built, build year, built"
    ),
    "energy_label_text": "energielabel, energy label, energy class, energieklasse",
    "ownership_text": "eigendomssituatie, ownership situation, ownership, eigendom",
    "ownership_fees_text": "",
    "address_text": "address, adres, name, naam, street address",
    "street": "straat, street name, straatnaam",
    "house_number": "huisnummer, house nr, street number",
    "house_number_suffix": (
        "huisnummertoevoeging, toevoeging, house number addition, house number ext"
    ),
    "postal_code": "postcode, zip, zip code",
    "city": "plaats, stad, woonplaats, town, place, address locality",
    "municipality": "gemeente",
    "district": "",
    "neighbourhood": "buurt, neighborhood, neighbourhood name, wijk",
    "province": "provincie, region",
    "country": "land, country code",
    "latitude": "lat, breedtegraad",
    "longitude": "lon, lng, long, lengtegraad",
    "agent_id": "makelaar id, broker id",
    "agent_name": "makelaar, agent, broker, verkopend makelaar, estate agent, realtor",
    "photo_count": "aantal fotos, photos count, number of photos",
    "description": "omschrijving, beschrijving, descrip, public remarks",
    "features": "attributes, kenmerken",
}

#: Names so general that they count only if the file has no other name for the living
#: area: beside `Wonen`, Funda's `Oppervlakte` means that of the plot.
GENERAL: Mapping[str, str] = {"area_text": "area, oppervlakte, size, m2, sqm"}
#: Labels of rows on a page. If a cell contains a label instead of its value, the cells
#: of the row are in the wrong columns.
LABELS = frozenset(
    words_of(
        "Aangeboden sinds, Aantal badkamers, Aantal kamers, Aantal woonlagen, "
        "Asking price per m², Badkamervoorzieningen, Bathroom facilities, Bouwjaar, "
        "Building type, Eigendomssituatie, Energielabel, Energy label, "
        "Gebruiksoppervlakten, Gelegen op, Kadastrale kaart, Kind of house, "
        "Listed since, Living area, Number of bath rooms, Number of rooms, "
        "Number of stories, Plot size, Provisional energy label, Soort appartement, "
        "Soort bouw, Soort woonhuis, Type apartment, Volume in cubic meters, "
        "Vraagprijs per m², Year of construction"
    )
)

#: Names that exports give to columns with row numbers, in plain form.
NUMBERING = frozenset({"", "index", "unnamed0", "column1", "rownames"})


def normalize_name(name: str) -> str:
    """Return a column's name without case, spaces, punctuation and accents."""
    letters = unicodedata.normalize("NFKD", name).lower()
    return re.sub(r"[^a-z0-9]", "", letters)


#: The plain names of each field, in order of preference.
_PLAIN = {
    field: tuple(dict.fromkeys(map(normalize_name, (field, *words_of(names)))))
    for field, names in {**SYNONYMS, **GENERAL}.items()
}


def recognise(columns: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the file's columns for each field found, in order of preference."""
    present: dict[str, list[str]] = {}
    for column in columns:
        present.setdefault(normalize_name(column), []).append(column)
    fields = {
        field: tuple(column for name in names for column in present.get(name, ()))
        for field, names in _PLAIN.items()
    }
    return {field: found for field, found in fields.items() if found}
