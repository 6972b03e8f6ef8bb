"""The rows of a detail page, and the fields of an item that they fill."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload_spiders.vocabulary import by_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HIDDEN = re.compile(r"^(?:log in|inloggen)\b", re.IGNORECASE)
#: The question beside the energy label, which is part of the cell's text.
_QUESTION = re.compile(
    r"\s*(?:wat betekent dit|what does this mean)\s*\?\s*", re.IGNORECASE
)

#: Labels that take precedence over the row's id, because four prices share one id.
_LABELS_FIRST = by_word(
    {
        "original_price_text": "oorspronkelijke vraagprijs, original asking price",
        "rent_text": (
            "huurprijs, laatste huurprijs, rental price, last rental price, rent"
        ),
    }
)
#: Labels of rows that fill no field whatever their id: an estimate of the energy label
#: is not the label.
_PROVISIONAL = frozenset({"voorlopig energielabel", "provisional energy label"})
_IDS: Mapping[str, str] = {
    "overdracht-vraagprijs": "price_text",
    "overdracht-huurprijs": "rent_text",
    "overdracht-aangeboden-sinds": "listed_text",
    "overdracht-status": "status_text",
    "overdracht-bijdragevve": "monthly_fee_text",
    "bouw-soortobject": "subtype_text",
    "bouw-soortbouw": "construction_text",
    "bouw-bouwjaar": "year_built_text",
    "afmetingen-gebruiksoppervlakten-wonen": "living_area_text",
    "afmetingen-inhoud": "volume_text",
    "indeling-totalrooms": "rooms_text",
    "indeling-totalbathroom": "bathrooms_text",
    "indeling-totalstories": "stories_text",
    "indeling-locatedat": "floor_text",
    "energie-energielabel": "energy_label_text",
    "cadastral-ownershipsituation": "ownership_text",
    "cadastral-fees": "ownership_fees_text",
}
_LABELS = by_word(
    {
        "price_text": "vraagprijs, laatste vraagprijs, asking price, last asking price",
        "listed_text": "aangeboden sinds, listed since",
        "status_text": "status",
        "acceptance_text": "aanvaarding, acceptance",
        "monthly_fee_text": "bijdrage vve, vve (owners association) contribution",
        "sold_text": "verkoopdatum, date of sale",
        "duration_text": "looptijd, time on the market",
        "subtype_text": (
            "soort woonhuis, soort appartement, kind of house, type apartment"
        ),
        "construction_text": "soort bouw, building type",
        "year_built_text": (
            "bouwjaar, bouwperiode, year of construction, construction period"
        ),
        "living_area_text": (
            "wonen, woonoppervlakte, gebruiksoppervlakte wonen, living area"
        ),
        "plot_area_text": "perceel, perceeloppervlakte, plot size",
        "volume_text": "inhoud, volume in cubic meters",
        "rooms_text": "aantal kamers, number of rooms",
        "bathrooms_text": "aantal badkamers, number of bath rooms, number of bathrooms",
        "stories_text": "aantal woonlagen, number of stories",
        "floor_text": "gelegen op, located at",
        "energy_label_text": "energielabel, energy label",
        "ownership_text": "eigendomssituatie, ownership situation",
        "ownership_fees_text": "lasten, fees",
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a detail page.

    Attributes:
        titles: The titles above it, then its own label.
        value: Its text.
        row_id: The site's stable id for it, or None.
    """

    titles: tuple[str, ...]
    value: str
    row_id: str | None = None

    @property
    def _label(self) -> str:
        return self.titles[-1].lower().rstrip(":").strip()

    @property
    def is_provisional(self) -> bool:
        """Whether the row is only an estimate of the energy label."""
        return self._label in _PROVISIONAL

    @property
    def field(self) -> str | None:
        """The field of the item that this row fills, or None."""
        if self.is_provisional:
            return None
        by_id = _IDS.get(self.row_id) if self.row_id else None
        return _LABELS_FIRST.get(self._label) or by_id or _LABELS.get(self._label)


def visible(text: str | None, /) -> str | None:
    """Return a row's text without the site's question; None if it is behind a login."""
    if text is None or _HIDDEN.match(text):
        return None
    return _QUESTION.sub(" ", text).strip() or None


def fields_of(rows: Iterable[Row], /) -> dict[str, str]:
    """Return the texts of the fields that rows fill; the first row of a field wins."""
    texts: dict[str, str] = {}
    for row in rows:
        if row.field:
            texts.setdefault(row.field, row.value)
    return texts


def features_of(rows: Iterable[Row], /) -> str | None:
    """Return all rows as one JSON object; None if there are none.

    A repeated name, as of a second parcel of land, gets the suffix `#2`, `#3`, ...
    """
    named: dict[str, str] = {}
    for row in rows:
        titles = " / ".join(row.titles)
        name = titles if row.is_provisional else row.row_id or titles
        times = 1
        key = name
        while key in named:
            times += 1
            key = f"{name}#{times}"
        named[key] = row.value
    return json.dumps(named, ensure_ascii=False) if named else None
