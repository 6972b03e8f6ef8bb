from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from propload_spiders.extraction.detail import gone_item, read_detail
from propload_spiders.items import ListingItem

URL = "https://www.funda.nl/detail/koop/duinhaven/huis-wilgenkade-9/41234567/"
SOLD = "https://www.funda.nl/detail/koop/verkocht/duinhaven/huis-wilgenkade-9/41234567/"
NOW = "2026-09-01T09:00:00.000000+00:00"


def read_item(body, url=URL):
    return read_detail(f"<html><body>{body}</body></html>", url=url, scraped_at=NOW)


def pairs(*labels):
    return "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in labels)


@pytest.mark.parametrize(
    "living_area",
    [
        # a list inside the title's own dd
        "<dt>Gebruiksoppervlakten</dt><dd><dl><dt>Wonen</dt><dd>59 m²</dd></dl></dd>",
        # a title without a dd, which would shift a count of dt against dd
        "<dt>Gebruiksoppervlakten</dt><dt>Wonen</dt><dd>59 m²</dd>",
        # pairs in divs
        (
            "<div><dt>Gebruiksoppervlakten</dt><dd><dl><div><dt>Wonen</dt>"
            "<dd>59 m²</dd></div></dl></dd></div>"
        ),
        # a list right inside the list
        "<dt>Gebruiksoppervlakten</dt><dl><dt>Wonen</dt><dd>59 m²</dd></dl>",
    ],
)
def test_group_titles_among_the_rows_shift_no_value(living_area):
    before = pairs(("Vraagprijs", "€ 495.000 kosten koper"))
    after = pairs(("Inhoud", "218 m³"), ("Aantal kamers", "3 kamers (2 slaapkamers)"))
    item = read_item(f"<h3>Kenmerken</h3><dl>{before}{living_area}{after}</dl>")
    assert item is not None
    assert (
        item.price_text,
        item.living_area_text,
        item.volume_text,
        item.rooms_text,
    ) == ("€ 495.000 kosten koper", "59 m²", "218 m³", "3 kamers (2 slaapkamers)")
    named = json.loads(item.features)
    assert named["Kenmerken / Gebruiksoppervlakten / Wonen"] == "59 m²"


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("A Wat betekent dit?", "A"),
        ('<span class="label">A+++</span><button>Wat betekent dit?</button>', "A+++"),
        ("<span>D</span> <a>What does this mean?</a>", "D"),
        ("Wat betekent dit?", None),
    ],
)
def test_question_beside_an_energy_label_is_removed(value, label):
    page = pairs(("Status", "Beschikbaar"), ("Energielabel", value))
    item = read_item(f"<dl>{page}</dl>")
    assert item is not None
    assert item.energy_label_text == label


def test_value_behind_a_login_is_null():
    page = pairs(
        ("Status", "Beschikbaar"), ("Aangeboden sinds", "Log in om te bekijken")
    )
    item = read_item(f"<dl>{page}</dl>")
    assert item is not None
    assert item.listed_text is None
    assert "Log in" not in (item.features or "")


def test_english_labels_are_read():
    page = pairs(
        ("Asking price", "€ 415,000 kosten koper"),
        ("Listed since", "March 9, 2022"),
        ("Number of rooms", "3 rooms (2 bedrooms)"),
        ("Year of construction", "1931-1944"),
        ("VVE (Owners Association) contribution", "€ 164.54 per month"),
    )
    item = read_item(f"<dl>{page}</dl>")
    assert item is not None
    assert (item.price_text, item.listed_text, item.rooms_text) == (
        "€ 415,000 kosten koper",
        "March 9, 2022",
        "3 rooms (2 bedrooms)",
    )
    assert (item.year_built_text, item.monthly_fee_text) == (
        "1931-1944",
        "€ 164.54 per month",
    )


def test_sold_page_has_the_last_asking_price_and_no_close_price():
    page = pairs(
        ("Laatste vraagprijs", "€ 495.000"),
        ("Verkoopdatum", "15 juli 2025"),
        ("Looptijd", "4 weken"),
    )
    item = read_item(f"<dl>{page}</dl>", SOLD)
    assert item is not None
    assert (item.price_text, item.sold_text, item.duration_text, item.status_text) == (
        "€ 495.000",
        "15 juli 2025",
        "4 weken",
        "sold",
    )
    assert not [name for name in asdict(item) if "close" in name]


def test_prices_with_the_same_id_are_distinguished_by_their_labels():
    features = [
        {
            "Title": "Overdracht",
            "KenmerkenList": [
                {"Id": "overdracht-vraagprijs", "Label": label, "Value": value}
                for label, value in (
                    ("Oorspronkelijke vraagprijs", "€ 510.000"),
                    ("Vraagprijs", "€ 495.000 kosten koper"),
                    ("Huurprijs", "€ 1.725 per maand"),
                )
            ],
        }
    ]
    item = read_item(payload_of({"features": features}))
    assert item is not None
    assert (item.original_price_text, item.price_text, item.rent_text) == (
        "€ 510.000",
        "€ 495.000 kosten koper",
        "€ 1.725 per maand",
    )
    assert json.loads(item.features) == {
        "overdracht-vraagprijs": "€ 510.000",
        "overdracht-vraagprijs#2": "€ 495.000 kosten koper",
        "overdracht-vraagprijs#3": "€ 1.725 per maand",
    }


def payload_of(listing, key="cachedListingData_en"):
    from propload_spiders.demo.devalue import Tagged, flatten

    cells = flatten({"data": Tagged("ShallowReactive", {key: listing})})
    return f'<script type="application/json" id="__NUXT_DATA__">{cells}</script>'


@pytest.mark.parametrize("row_id", [None, "energie-energielabel"])
def test_provisional_energy_label_is_only_kept_among_features(row_id):
    row = {"Id": row_id, "Label": "Voorlopig energielabel", "Value": "C"}
    group = {"Title": "Energie", "KenmerkenList": [row]}
    item = read_item(payload_of({"globalId": 8116828, "features": [group]}))
    assert item is not None
    assert item.energy_label_text is None
    assert json.loads(item.features) == {"Energie / Voorlopig energielabel": "C"}


def test_final_energy_label_is_preferred_to_a_provisional_one():
    page = pairs(("Voorlopig energielabel", "C"), ("Energielabel", "A"))
    item = read_item(f"<dl>{page}</dl>")
    assert item is not None
    assert item.energy_label_text == "A"


def test_payload_of_another_language_is_read_with_its_energy_label():
    features = [
        {
            "Title": "Energie",
            "KenmerkenList": [
                {
                    "Id": "energie-energielabel",
                    "Label": "Energielabel",
                    "Value": "Wat betekent dit?",
                    "EnergyData": {"EnergyLabel": "D"},
                }
            ],
        }
    ]
    item = read_item(
        payload_of(
            {
                "globalId": 8116828,
                "features": features,
                "coordinates": {"lat": 52.36, "lng": 4.9},
                "description": {"content": "Een\n\nhuis"},
                "isSoldOrRented": False,
            }
        )
    )
    assert item is not None
    assert (item.global_id, item.energy_label_text, item.latitude, item.longitude) == (
        "8116828",
        "D",
        "52.36",
        "4.9",
    )
    assert (item.description, item.status_text) == ("Een\n\nhuis", None)


def test_linked_data_and_title_fill_missing_fields():
    linked = json.dumps(
        {
            "@type": ["Huis", "Product"],
            "description": "Ruim",
            "address": {
                "streetAddress": "Wilgenkade 9-H",
                "addressLocality": "Duinhaven",
                "addressRegion": "Noord-Holland",
            },
            "offers": {"@type": "Offer", "priceCurrency": "EUR", "price": 495000},
            "photo": [{"contentUrl": "a"}, {"contentUrl": "b"}],
        }
    )
    crumbs = json.dumps({"@type": "BreadcrumbList", "itemListElement": []})
    item = read_item(
        "<title>Huis te koop: Wilgenkade 1024 HS 1912 AB Duinhaven</title>"
        f'<script type="application/ld+json">{crumbs}</script>'
        f'<script type="application/ld+json">{linked}</script>'
        '<script type="application/ld+json">{"broken": </script>'
    )
    assert item is not None
    assert (item.price_text, item.address_text, item.postal_code, item.photo_count) == (
        "495000",
        "Wilgenkade 9-H",
        "1912 AB",
        "2",
    )
    assert (item.city, item.province, item.description) == (
        "Duinhaven",
        "Noord-Holland",
        "Ruim",
    )


def crumbs_of(*crumbs):
    linked = {"@type": "Huis", "address": {"addressLocality": "Duinhaven"}}
    listed = {"@type": "BreadcrumbList", "itemListElement": list(crumbs)}
    return "".join(
        f'<script type="application/ld+json">{json.dumps(each)}</script>'
        for each in (linked, listed)
    )


@pytest.mark.parametrize(
    ("third", "neighbourhood"),
    [
        ({"position": 3, "name": "Havenzicht"}, "Havenzicht"),
        ({"position": "3", "item": {"@id": "/x", "name": "Havenzicht"}}, "Havenzicht"),
        # a page with one more step before the city
        ({"position": 3, "name": "Duinhaven "}, None),
        ({"position": 4, "name": "Wilgenkade 9"}, None),
        ("Havenzicht", None),
    ],
)
def test_third_breadcrumb_is_the_neighbourhood(third, neighbourhood):
    item = read_item(crumbs_of({"position": 2, "name": "Duinhaven"}, third))
    assert item is not None
    assert item.neighbourhood == neighbourhood


@pytest.mark.parametrize(
    ("offer", "text"),
    [
        ({"price": 495000, "priceCurrency": "EUR"}, "495000"),
        ({"price": 495000}, "495000"),
        ({"price": 495000, "priceCurrency": "GBP"}, "GBP 495000"),
        ({"priceCurrency": "GBP"}, None),
    ],
)
def test_price_in_another_currency_keeps_the_currency(offer, text):
    linked = json.dumps({"@type": "Huis", "offers": offer})
    item = read_item(f'<script type="application/ld+json">{linked}</script>')
    assert item is not None
    assert item.price_text == text


def test_rent_is_read_only_with_its_period():
    linked = json.dumps({"@type": "Appartement", "offers": {"price": 1725}})
    script = f'<script type="application/ld+json">{linked}</script>'
    url = URL.replace("/koop/", "/huur/")
    bare = read_item(script, url)
    assert bare is not None
    assert (bare.price_text, bare.rent_text) == (None, None)
    for label in ("Huurprijs", "Laatste huurprijs"):
        row = f"<dl>{pairs((label, '€ 1.725 per maand'))}</dl>"
        item = read_item(script + row, url)
        assert item is not None
        assert (item.price_text, item.rent_text) == (None, "€ 1.725 per maand")


def test_page_without_a_listing_gives_no_item():
    assert read_item("<p>Even geduld</p>") is None
    assert (
        read_item("<dl><dt>a</dt><dd>b</dd></dl>", "https://www.funda.nl/mijn/") is None
    )


@pytest.mark.parametrize(
    "cells", ['[{"data":1},{"cachedListingData_nl":99}]', '[{"data":99}]', "[99]"]
)
def test_markup_is_read_if_the_payload_is_broken(cells):
    broken = f'<script id="__NUXT_DATA__">{cells}</script>'
    item = read_item(f"{broken}<dl>{pairs(('Status', 'Onder bod'))}</dl>")
    assert item is not None
    assert item.status_text == "Onder bod"


def test_item_of_a_gone_page_is_withdrawn():
    item = gone_item(URL, scraped_at=NOW)
    assert item == ListingItem(
        source="funda",
        listing_id="41234567",
        url=URL,
        scraped_at=NOW,
        page="gone",
        offering="koop",
        status_text="withdrawn",
        object_type="huis",
    )
    assert gone_item("https://www.funda.nl/mijn/", scraped_at=NOW) is None


def test_item_of_a_gone_sold_page_has_no_status():
    item = gone_item(SOLD, scraped_at=NOW)
    assert item is not None
    assert (item.page, item.status_text) == ("gone", None)


def test_fill_missing_from_fills_only_missing_fields():
    search = ListingItem(
        "funda", "1", "https://x/search", NOW, "search", price_text="1", city="A"
    )
    detail = ListingItem("funda", "1", "https://x/1", NOW, "detail", price_text="2")
    both = detail.fill_missing_from(search)
    assert (both.url, both.page, both.price_text, both.city) == (
        "https://x/1",
        "detail",
        "2",
        "A",
    )


@pytest.mark.parametrize(
    ("detail", "search", "kept"),
    [
        ("3 weken", "2026-07-02T11:42:25.8657786+02:00", "search"),
        ("Vandaag", "2026-07-02T11:42:25.8657786+02:00", "search"),
        ("20 april 2026", "2026-07-02T11:42:25.8657786+02:00", "detail"),
        ("3 weken", "2 weken", "detail"),
        ("3 weken", None, "detail"),
    ],
)
def test_written_date_is_preferred_to_a_relative_one(detail, search, kept):
    search_item = ListingItem("funda", "1", URL, NOW, "search", listed_text=search)
    detail_item = ListingItem("funda", "1", URL, NOW, "detail", listed_text=detail)
    listed_text = detail_item.fill_missing_from(search_item).listed_text
    assert listed_text == {"detail": detail, "search": search}[kept]
