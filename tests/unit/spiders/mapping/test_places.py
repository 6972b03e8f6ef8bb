from __future__ import annotations

import polars as pl
import pytest

from propload_spiders.mapping import places, words
from tests.unit.spiders.mapping.reading import read

SITE = "https://www.funda.nl"


@pytest.mark.parametrize(
    ("url", "facts"),
    [
        (
            f"{SITE}/detail/koop/delft/huis-lange-geer-1/44561281/",
            ("44561281", "koop", None, "delft", "huis"),
        ),
        (
            f"{SITE}/detail/koop/verkocht/delft/huis-lange-geer-1/44561281/",
            ("44561281", "koop", "verkocht", "delft", "huis"),
        ),
        (
            f"{SITE}/en/detail/huur/den-haag/appartement-korte-poten-3-b/44561281",
            ("44561281", "huur", None, "den-haag", "appartement"),
        ),
        (
            f"{SITE}/koop/amsterdam/appartement-41420853-dorpsweg-2/?navigateSource=x",
            ("41420853", "koop", None, "amsterdam", "appartement"),
        ),
        (
            f"{SITE}/en/koop/rotterdam/huis-88997909-zuidhoek-26-ba1a2",
            ("88997909", "koop", None, "rotterdam", "huis"),
        ),
        (
            f"{SITE}/koop/verkocht/weert/huis-42797899-lijsterstraat-1/",
            ("42797899", "koop", "verkocht", "weert", "huis"),
        ),
        (
            f"{SITE}/detail/koop/delft/appartement-kaai-bouwnr-12/44561281/#fotos",
            ("44561281", "koop", None, "delft", "appartement"),
        ),
    ],
)
def test_every_form_of_listing_url_is_read(url, facts):
    parsers = (
        places.listing_id,
        places.url_offering,
        places.url_status,
        places.url_city,
        places.url_object_type,
    )
    assert tuple(read(parse, url) for parse in parsers) == facts


@pytest.mark.parametrize(
    "url",
    [
        f"{SITE}/en/koop/rotterdam/appartement-426169",
        f"{SITE}/en/koop/rotterdam/appartement-4263876",
        f"{SITE}/en/koop/rotterdam/appartement-42638761",
        f"{SITE}/en/koop/rotterdam/appartement-42638761-",
        f"{SITE}/en/koop/rotterdam/",
        f"{SITE}/makelaar/12345678-naam/",
        f"{SITE}/zoeken/koop",
        "Ja",
        None,
    ],
)
def test_truncated_or_other_url_has_no_id(url):
    assert read(places.listing_id, url) is None


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("amsterdam", "Amsterdam"),
        ("den-haag", "Den Haag"),
        ("rijswijk-zh", "Rijswijk"),
        ("bergen-op-zoom", "Bergen op Zoom"),
        ("alphen-aan-den-rijn", "Alphen aan den Rijn"),
        ("capelle-aan-den-ijssel", "Capelle aan den IJssel"),
        ("s-hertogenbosch", "'s-Hertogenbosch"),
        ("de-bilt", "De Bilt"),
    ],
)
def test_city_is_named_from_its_slug(slug, name):
    assert read(places.city_name, slug) == name


@pytest.mark.parametrize(
    ("name_in_cell", "slug", "name"),
    [
        ("Delft", "delft", "Delft"),
        ("Rijswijk", "rijswijk-zh", "Rijswijk"),
        ("amst", "amsterdam", "Amsterdam"),
        ("haag", "den-haag", "Den Haag"),
        ("'s-Gravenhage", "den-haag", "'s-Gravenhage"),
        (None, "den-haag", "Den Haag"),
        ("Delft", None, "Delft"),
    ],
)
def test_city_of_the_url_completes_a_partial_name(name_in_cell, slug, name):
    frame = pl.DataFrame(
        {"given": [name_in_cell], "slug": [slug]},
        schema={"given": pl.String, "slug": pl.String},
    )
    assert frame.select(places.city(pl.col("given"), pl.col("slug"))).item() == name


ADDRESSES = [
    ("Houttuinen 38-C", ("Houttuinen", "38", "C")),
    ("Laing's Nekstraat 36 I", ("Laing's Nekstraat", "36", "I")),
    ("Kerkstraat 6 hs", ("Kerkstraat", "6", "hs")),
    ("Kerkstraat 28 2", ("Kerkstraat", "28", "2")),
    ("Kerkstraat 28a", ("Kerkstraat", "28", "a")),
    ("Kerkstraat 28", ("Kerkstraat", "28", None)),
    ("Kerkstraat 28, 2611 DX Delft", ("Kerkstraat", "28", None)),
    ("Kerkstraat", ("Kerkstraat", None, None)),
    ("Kerkstraat, 2611 DX Delft", ("Kerkstraat", None, None)),
    ("Kerkstraat 2611 DX Delft", ("Kerkstraat", None, None)),
    ("2611 DX Delft", (None, None, None)),
    ("Hoofdweg 1024 hs", ("Hoofdweg", "1024", "hs")),
    ("Hoofdweg 1024 hs 1057 AB Amsterdam", ("Hoofdweg", "1024", "hs")),
    ("Hoofdweg 1024 hs Amsterdam", ("Hoofdweg", "1024", "hs Amsterdam")),
    ("Kerkstraat 12 A 3", ("Kerkstraat", "12", "A 3")),
    ("Kerkstraat 1944", ("Kerkstraat", "1944", None)),
    ("Kerkstraat 1944 2", ("Kerkstraat", "1944", "2")),
    ("1e Jan Steenstraat 5", ("1e Jan Steenstraat", "5", None)),
    ("2e Egelantiersdwarsstraat 10-2", ("2e Egelantiersdwarsstraat", "10", "2")),
    ("4 Meiplein 3 hs", ("4 Meiplein", "3", "hs")),
    ("'t Zand 5", ("'t Zand", "5", None)),
    ("Plein 1944 12", ("Plein 1944", "12", None)),
    ("plein 1944 12 II", ("plein 1944", "12", "II")),
    ("Plein 12 3", ("Plein", "12", "3")),
    ("Laan 1940-1945 12", ("Laan 1940-1945", "12", None)),
    ("Plein '40-'45 7", ("Plein '40-'45", "7", None)),
    ("Wijk 4 26", ("Wijk 4", "26", None)),
    ("12-14", ("12-14", None, None)),
    ("Kaai ong.", ("Kaai", None, None)),
    ("Villa Rood (Bouwnr. 4)", (None, None, None)),
    ("Type A 3 (bouwnummer P3-26)", (None, None, None)),
]
#: Address line; street, number and suffix from separate columns; expected parts.
WITH_SEPARATE_PARTS = [
    ("Baan 66 5", ("Baan 66", "5", None), ("Baan 66", "5", None)),
    ("Baan 66 5-B", ("Baan 66", None, None), ("Baan 66", "5", "B")),
    ("Baan 66", ("Baan 66", None, None), ("Baan 66", None, None)),
    ("Kerkstraat 28 2", ("Kerkstraat", "28", None), ("Kerkstraat", "28", "2")),
    ("Kerkstraat 28 2", ("Kerkstraat", "28", "II"), ("Kerkstraat", "28", "II")),
    ("Kerkstraat 28-C", ("Kerkstraat", "28-C", None), ("Kerkstraat", "28-C", None)),
    ("St. Kaai 3 a", ("Sint Kaai", None, None), ("Sint Kaai", "3", "a")),
    ("Kaaiweg 3 a", ("Kaai", "4", None), ("Kaai", "4", None)),
    (None, ("Kaai", "4", None), ("Kaai", "4", None)),
]


@pytest.fixture(scope="module")
def split():
    """Split all address lines in one frame, because a frame has a fixed cost."""
    nothing = (None, None, None)
    lines = [(address, nothing) for address, _ in ADDRESSES]
    lines += [
        (address, separate_parts) for address, separate_parts, _ in WITH_SEPARATE_PARTS
    ]
    names = ("line", "street", "number", "suffix")
    frame = pl.DataFrame(
        [(address, *separate_parts) for address, separate_parts in lines],
        schema=dict.fromkeys(names, pl.String),
        orient="row",
    )
    parts = frame.select(places.street_and_number(*map(pl.col, names))).rows()
    return dict(zip(lines, parts, strict=True))


@pytest.mark.parametrize(("address", "parts"), ADDRESSES)
def test_address_line_is_split(split, address, parts):
    assert split[address, (None, None, None)] == parts


@pytest.mark.parametrize(("address", "separate_parts", "parts"), WITH_SEPARATE_PARTS)
def test_separate_parts_decide_where_a_line_is_split(
    split, address, separate_parts, parts
):
    assert split[address, separate_parts] == parts


def test_postal_code_is_normalized():
    assert read(places.postal_code, "2611 dx") == "2611DX"
    assert read(places.postal_code, "2611") == "2611"
    assert read(places.postal_code, "0611DX") is None
    assert read(places.postal_code, "2611D") is None
    assert read(places.postal_code_in, "Kerkstraat 28, 2611 DX Delft") == "2611DX"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("A Wat betekent dit?", "A"),
        ("A+++++ What does this mean?", "A+++++"),
        ("C 1,42 Wat betekent dit?", "C"),
        ("G 2.86 What does this mean?", "G"),
        ("C   ", "C"),
        ("d", "D"),
        ("Energielabel B", "B"),
        ("H", None),
        ("Not available", None),
        ("Wat betekent dit?", None),
        ("https://www.funda.nl/", None),
    ],
)
def test_question_of_the_page_is_removed_from_an_energy_label(text, label):
    assert read(lambda t: words.energy_label(t.str.strip_chars()), text) == label


@pytest.mark.parametrize(
    ("text", "offering", "status"),
    [
        ("none", "sale", "available"),
        ("Beschikbaar", "sale", "available"),
        ("Onder bod", "sale", "under_offer"),
        ("Under option", "sale", "under_offer"),
        ("Verkocht onder voorbehoud", "sale", "sold_conditional"),
        ("rented_under_reservation", "rent", "rented_conditional"),
        ("Sold or rented under reservation", "sale", "sold_conditional"),
        ("Sold or rented under reservation", "rent", "rented_conditional"),
        ("VERKOCHT", "sale", "sold"),
        ("withdrawn", "sale", "withdrawn"),
        ("Te veilen", "sale", "unknown"),
        (None, "sale", None),
    ],
)
def test_status_is_one_of_the_schema(text, offering, status):
    frame = pl.DataFrame(
        {"t": [text], "o": [offering]}, schema={"t": pl.String, "o": pl.String}
    )
    assert frame.select(words.status(pl.col("t"), pl.col("o"))).item() == status


def test_postal_code_is_distinguished_from_a_house_number():
    expected = {
        "Hoofdweg 1024 hs": None,
        "Hoofdweg 1024 hs Amsterdam": None,
        "Hoofdweg 1024 hs, 1057ab Amsterdam": "1057AB",
        "Kerkstraat 28 2611DX": "2611DX",
        "Kerkstraat 2611 DX Delft": "2611DX",
        "2611 DX": "2611DX",
        "Kerkstraat": None,
    }
    assert {line: read(places.postal_code_in, line) for line in expected} == expected
