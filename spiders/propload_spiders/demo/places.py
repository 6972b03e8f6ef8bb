"""Invented towns, streets and agents."""

from __future__ import annotations

import re
from dataclasses import dataclass

from propload_spiders.vocabulary import words_of


@dataclass(frozen=True, slots=True)
class Town:
    """A town of the demo country.

    Attributes:
        name: Its name.
        slug: Its name in addresses, with the province if two towns share the name.
        municipality: The municipality that it belongs to.
        province: Its province.
        postal: The first of its ten four-digit postal codes.
        latitude: The latitude of its centre, in degrees north.
        longitude: The longitude of its centre, in degrees east.
        share: The percentage of all homes that are there.
        quarters: Its neighbourhoods.
    """

    name: str
    slug: str
    municipality: str
    province: str
    postal: int
    latitude: float
    longitude: float
    share: int
    quarters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent of the demo country; the name may end in a space, as real ones do."""

    number: int
    name: str

    @property
    def path(self) -> str:
        """The address of the agent's page."""
        return f"/makelaar/{self.number}-{slug_of(self.name)}/"


TOWNS = (
    Town(
        "Duinhaven",
        "duinhaven",
        "Duinhaven",
        "Noord-Holland",
        1910,
        52.41,
        4.71,
        40,
        ("Vuurtorenkwartier", "Havenzicht", "Oosterduin", "De Zilte"),
    ),
    Town(
        "Waterrecht",
        "waterrecht",
        "Waterrecht",
        "Utrecht",
        3610,
        52.09,
        5.04,
        25,
        ("Binnenvest", "Singelpark", "Nieuw-Rietveen"),
    ),
    Town(
        "Sint Lindemeer",
        "sint-lindemeer",
        "Lindemeer",
        "Zuid-Holland",
        2280,
        51.97,
        4.52,
        20,
        ("Kersenhof", "Meerzicht", "Koningslaan e.o."),
    ),
    Town(
        "Heidewoude",
        "heidewoude",
        "Zandloo",
        "Gelderland",
        6720,
        52.06,
        5.88,
        10,
        ("Dennenrand", "Het Loo-Oost"),
    ),
    Town(
        "Kwelderstad",
        "kwelderstad-gr",
        "Kwelderland",
        "Groningen",
        9960,
        53.33,
        6.55,
        5,
        ("Wierde", "Zeedijk"),
    ),
)

STREETS = words_of(
    "Zeepaardstraat, Lange Touwbaan, Schelpenpad, Prinses Amarantelaan, Kruidenhof, "
    "Wilgenkade, Dokter Vermeylplein, Zilvermeeuwweg, Achter de Molenwerf, "
    "Kapitein Roosestraat, Blauwe Ganzenlaan, Kalkovenkade, Oude Turfmarkt, "
    "Heggemusstraat, Mosselbankstraat, Burgemeester Zandwijklaan, Steltloperhof, "
    "'t Hoge Eind, Café-Kwartiersteeg, Tulpenboomgaard"
)

AGENTS = (
    Agent(11021, "Zeewind Makelaars"),
    Agent(24310, "Van Bremmel & Partners"),
    Agent(31877, "De Sleutelbos B.V. "),
    Agent(40092, "Huis en Haard Wonen"),
    Agent(52740, "Rietveen Makelaardij"),
    Agent(63558, "Kade 12 Vastgoed"),
)


def slug_of(name: str, /) -> str:
    """Return a name in the form that addresses use."""
    plain = name.lower().replace("é", "e").replace("'", "").replace(".", "")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
