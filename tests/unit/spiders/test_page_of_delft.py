"""The one real search page at hand, compared value by value."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from propload_spiders.extraction.kinds import kind_of
from propload_spiders.extraction.search import read_search

URL = "https://www.funda.nl/zoeken/huur?selected_area=[%22delft%22]"
NOW = "2026-07-04T09:00:00.000000+00:00"

COLUMNS = (
    "url",
    "global_id",
    "object_type",
    "status_text",
    "rent_text",
    "living_area_text",
    "plot_area_text",
    "rooms_text",
    "bedrooms_text",
    "energy_label_text",
    "listed_text",
    "street",
    "house_number",
    "house_number_suffix",
    "postal_code",
    "district",
    "neighbourhood",
    "agent_id",
    "agent_name",
    "photo_count",
)

# what the page's payload says, read by hand
LISTINGS = (
    (
        "/detail/huur/delft/appartement-houttuinen-38-c/44413025/",
        "8068662",
        "apartment",
        "none",
        "2110",
        "49",
        None,
        "2",
        "1",
        "A+++",
        "2026-07-02T11:42:25.8657786+02:00",
        "Houttuinen",
        "38",
        "C",
        "2611DX",
        "Wijk 11 Binnenstad",
        "Stationsbuurt",
        "17538",
        "365Makelaardij",
        "4",
    ),
    (
        "/detail/huur/delft/appartement-houttuinen-58-a/44413289/",
        "8068826",
        "apartment",
        "none",
        "2420",
        "65",
        None,
        "2",
        "1",
        "A+++",
        "2026-07-02T11:42:01.2902571+02:00",
        "Houttuinen",
        "58",
        "A",
        "2611DX",
        "Wijk 11 Binnenstad",
        "Stationsbuurt",
        "17538",
        "365Makelaardij",
        "4",
    ),
    (
        "/detail/huur/delft/appartement-mercuriusweg-77/44413374/",
        "8068911",
        "apartment",
        "none",
        "1650",
        "62",
        None,
        "2",
        "1",
        "A+",
        "2026-07-02T11:41:39.0560792+02:00",
        "Mercuriusweg",
        "77",
        None,
        "2624BC",
        "Wijk 24 Voorhof",
        "Mythologiebuurt",
        "17538",
        "365Makelaardij",
        "15",
    ),
    (
        "/detail/huur/delft/appartement-mercuriusweg-107/44413308/",
        "8068945",
        "apartment",
        "none",
        "1750",
        "75",
        None,
        "3",
        "2",
        "A",
        "2026-07-02T11:41:24.3476291+02:00",
        "Mercuriusweg",
        "107",
        None,
        "2624BC",
        "Wijk 24 Voorhof",
        "Mythologiebuurt",
        "17538",
        "365Makelaardij",
        "11",
    ),
    (
        "/detail/huur/delft/appartement-vlamingstraat-33/80876599/",
        "8067590",
        "apartment",
        "none",
        "2750",
        "97",
        None,
        "4",
        "3",
        "C",
        "2026-07-01T13:22:04.2534527+02:00",
        "Vlamingstraat",
        "33",
        None,
        "2611KS",
        "Wijk 11 Binnenstad",
        "Centrum-Oost",
        "80127",
        "Huizenbalie.nl",
        "74",
    ),
    (
        "/detail/huur/delft/appartement-duke-ellingtonstraat-58/44410310/",
        "8065957",
        "apartment",
        "none",
        "836",
        "41",
        None,
        "1",
        "1",
        "unknown",
        "2026-06-30T11:46:19.0844247+02:00",
        "Duke Ellingtonstraat",
        "58",
        None,
        "2625GB",
        "Wijk 25 Buitenhof",
        "Juniusbuurt",
        "70043",
        "MVGM Wonen",
        "12",
    ),
    (
        "/detail/huur/delft/appartement-de-hoop-17/44410018/",
        "8065655",
        "apartment",
        "none",
        "1525",
        "93",
        None,
        "1",
        "1",
        "unknown",
        "2026-06-30T10:16:46.2466831+02:00",
        "De Hoop",
        "17",
        None,
        "2614LW",
        "Wijk 14 Voordijkshoorn",
        "Molenbuurt",
        "70043",
        "MVGM Wonen",
        "19",
    ),
    (
        "/detail/huur/delft/appartement-pierre-van-hauwelaan-250/44416756/",
        "8061393",
        "apartment",
        "rented_under_reservation",
        "1303",
        "62",
        None,
        "1",
        "1",
        "unknown",
        "2026-06-25T16:34:36.0872857+02:00",
        "Pierre van Hauwelaan",
        "250",
        None,
        "2625WL",
        "Wijk 25 Buitenhof",
        "Juniusbuurt",
        "70043",
        "MVGM Wonen",
        "8",
    ),
    (
        "/detail/huur/delft/appartement-pierre-van-hauwelaan-86/44416576/",
        "8061113",
        "apartment",
        "rented_under_reservation",
        "1166",
        "41",
        None,
        "1",
        "1",
        "unknown",
        "2026-06-25T15:43:50.2091776+02:00",
        "Pierre van Hauwelaan",
        "86",
        None,
        "2625WL",
        "Wijk 25 Buitenhof",
        "Juniusbuurt",
        "70043",
        "MVGM Wonen",
        "11",
    ),
    (
        "/detail/huur/delft/appartement-houttuinen-54-b/44403344/",
        "8058981",
        "apartment",
        "none",
        "2110",
        "47",
        None,
        "2",
        "1",
        "A+++",
        "2026-06-25T13:26:25.9850902+02:00",
        "Houttuinen",
        "54",
        "B",
        "2611DX",
        "Wijk 11 Binnenstad",
        "Stationsbuurt",
        "17538",
        "365Makelaardij",
        "4",
    ),
    (
        "/detail/huur/delft/appartement-mercuriusweg-117/44404428/",
        "8059065",
        "apartment",
        "none",
        "1600",
        "62",
        None,
        "2",
        "1",
        "A++",
        "2026-06-25T13:17:56.1290296+02:00",
        "Mercuriusweg",
        "117",
        None,
        "2624BC",
        "Wijk 24 Voorhof",
        "Mythologiebuurt",
        "17538",
        "365Makelaardij",
        "10",
    ),
    (
        "/detail/huur/delft/appartement-martinus-nijhofflaan-442/80866061/",
        "8057062",
        "apartment",
        "none",
        "1995",
        "79",
        None,
        "3",
        "2",
        "A+",
        "2026-06-23T16:01:58.9620311+02:00",
        "Martinus Nijhofflaan",
        "442",
        None,
        "2624MG",
        "Wijk 24 Voorhof",
        "Poptahof-Zuid",
        "63802",
        "VERRA Makelaars",
        "16",
    ),
    (
        "/detail/huur/delft/huis-hof-van-zilverlicht-41/44488674/",
        "8033211",
        "house",
        "none",
        "2450",
        "118",
        "93",
        "5",
        "4",
        "A",
        "2026-06-19T18:11:07.9317758+02:00",
        "Hof van Zilverlicht",
        "41",
        None,
        "2614TV",
        "Wijk 14 Voordijkshoorn",
        "Hoornse Hof",
        "8249",
        "Hof van Delft Makelaardij",
        "51",
    ),
    (
        "/detail/huur/delft/huis-oliemolen-84/80860387/",
        "8051388",
        "house",
        "none",
        "2150",
        "100",
        None,
        "3",
        "2",
        "A",
        "2026-06-18T14:06:26.7734901+02:00",
        "Oliemolen",
        "84",
        None,
        "2614LG",
        "Wijk 14 Voordijkshoorn",
        "Molenbuurt",
        "82063",
        "NRW Wonen B.V. ",
        "33",
    ),
    (
        "/detail/huur/delft/appartement-mercuriusweg-65/44494977/",
        "8049514",
        "apartment",
        "none",
        "1600",
        "62",
        None,
        "2",
        "1",
        "A+",
        "2026-06-18T12:10:19.0732668+02:00",
        "Mercuriusweg",
        "65",
        None,
        "2624BC",
        "Wijk 24 Voorhof",
        "Mythologiebuurt",
        "17538",
        "365Makelaardij",
        "16",
    ),
)

# what is the same for all of them
SHARED = {
    "source": "funda",
    "scraped_at": NOW,
    "page": "search",
    "offering": "rent",
    "listing_type": "single",
    "construction_text": "resale",
    "rent_condition_text": "per_month",
    "city": "Delft",
    "municipality": "Delft",
    "province": "Zuid-Holland",
    "country": "NL",
}


def expected(row):
    values = dict(zip(COLUMNS, row, strict=True))
    path = values["url"]
    values["url"] = f"https://www.funda.nl{path}"
    values["listing_id"] = path.strip("/").rpartition("/")[2]
    return {**SHARED, **{name: each for name, each in values.items() if each}}


def known(item):
    return {name: each for name, each in asdict(item).items() if each is not None}


@pytest.fixture(scope="module")
def html(shared_fixtures):
    return (shared_fixtures / "funda" / "search-rent-delft.html").read_text("utf-8")


def without(html, *marks):
    for mark in marks:
        assert mark in html
        html = html.replace(mark, "taken-out")
    return html


def test_every_value_of_every_listing(html):
    page = read_search(html, url=URL, scraped_at=NOW)
    assert [known(item) for item in page.items] == [expected(row) for row in LISTINGS]


def test_what_the_page_says_about_itself(html):
    page = read_search(html, url=URL, scraped_at=NOW)
    assert (page.total, page.areas, page.method, page.unread) == (
        41,
        ("delft",),
        "payload",
        0,
    )


def test_a_real_page_is_no_block_page(html):
    assert kind_of(html) == "page"


@pytest.mark.parametrize(
    ("marks", "method"),
    [
        (("__NUXT_DATA__",), "json-ld"),
        (("__NUXT_DATA__", "application/ld+json"), "markup"),
    ],
)
def test_without_payload_the_markup_says_less_but_all_listings(html, marks, method):
    page = read_search(without(html, *marks), url=URL, scraped_at=NOW)
    assert (page.method, page.total, page.areas) == (method, 41, None)
    assert len(page.items) == 15
    for item, row in zip(page.items, LISTINGS, strict=True):
        facts = expected(row)
        suffix = facts.get("house_number_suffix")
        label = facts["energy_label_text"]
        assert known(item) == {
            name: each
            for name, each in {
                **{name: facts[name] for name in ("source", "url", "listing_id")},
                "scraped_at": NOW,
                "page": "search",
                "offering": "huur",
                "status_text": (
                    "Verhuurd onder voorbehoud"
                    if facts["status_text"] == "rented_under_reservation"
                    else facts["status_text"]
                ),
                "object_type": {"apartment": "appartement", "house": "huis"}[
                    facts["object_type"]
                ],
                "rent_text": f"€ {int(facts['rent_text']):,} /maand".replace(",", "."),
                "living_area_text": f"{facts['living_area_text']} m²",
                "plot_area_text": (
                    f"{facts['plot_area_text']} m²" if row[6] is not None else None
                ),
                "bedrooms_text": facts["bedrooms_text"],
                "energy_label_text": None if label == "unknown" else label,
                "address_text": f"{facts['street']} {facts['house_number']}"
                + (f"-{suffix}" if suffix else ""),
                "postal_code": f"{facts['postal_code'][:4]} {facts['postal_code'][4:]}",
                "city": "Delft",
                "agent_id": facts["agent_id"],
                # the markup drops the space that the payload's name ends in
                "agent_name": facts["agent_name"].strip(),
            }.items()
            if each is not None
        }


def test_a_card_without_a_badge_says_nothing_among_closed_listings(html):
    url = f"{URL}&availability=[%22unavailable%22]"
    bare = without(html, "__NUXT_DATA__")
    closed = read_search(bare, url=url, scraped_at=NOW).items
    assert {item.status_text for item in closed} == {None, "Verhuurd onder voorbehoud"}
    moved = bare.replace("/detail/huur/", "/detail/huur/verhuurd/")
    rented = read_search(moved, url=URL, scraped_at=NOW).items
    assert {item.status_text for item in rented} == {None, "Verhuurd onder voorbehoud"}


def test_a_real_block_page_is_blocked_and_holds_nothing(shared_fixtures):
    html = (shared_fixtures / "block-page.html").read_text("utf-8")
    assert kind_of(html, 200) == "blocked"
    page = read_search(html, url=URL, scraped_at=NOW)
    assert (page.items, page.total, page.method) == ((), None, "none")
