from __future__ import annotations

from decimal import Decimal

import pytest

from propload.prepare.parsers import numbers as parsers
from propload_spiders.mapping import numbers, rules
from tests.unit.spiders.mapping.reading import read, read_all

RULES = {rule.column: rule for rule in rules.RULES}


def assert_read(parse, expected):
    texts = [text for text, _ in expected]
    assert list(zip(texts, read_all(parse, texts), strict=True)) == expected


def test_price_is_read_whatever_is_around_it():
    expected = [
        ("€ 400.000 k.k.", 400_000),
        ("€ 415,000 kosten koper", 415_000),
        ("€ 1.260.000 vrij op naam", 1_260_000),
        ("€ 1,395,000 kosten koper", 1_395_000),
        ("€ 1.725 per maand (servicekosten onbekend)", 1_725),
        ("€ 1,790 per month", 1_790),
        ("€495.000", 495_000),
        ("EUR 495000", 495_000),
        ("495000", 495_000),
        ("350000.0", 350_000),
        ("495.000 k.k.", 495_000),
        ("€ 250.000,-", 250_000),
        ("€ 250.000,- k.k.", 250_000),
        ("vanaf € 318.276 v.o.n.", 318_276),
        ("€ 1.725,50 per maand", 1_726),
        ("€ 12,50", 13),
        ("€ 12,49", 12),
        ("1250.5", 1_251),
        ("2110", 2_110),
    ]
    assert_read(numbers.whole_euros, expected)


def test_price_with_words_for_thousands_or_millions_is_multiplied():
    expected = [
        ("€ 1,2 miljoen k.k.", 1_200_000),
        ("€ 200.000 + BTW", 200_000),
        ("€ 1.500 m/nd", 1_500),
        ("€ 200.000 + € 15.000", None),
        ("€ 1.2 miljoen", 1_200_000),
        ("€ 1,2 mln", 1_200_000),
        ("€ 12 miljoen k.k.", 12_000_000),
        ("€ 425 duizend", 425_000),
        ("€ 425K k.k.", 425_000),
        ("€ 1.2M", 1_200_000),
        ("1,2 mln. v.o.n.", 1_200_000),
        ("425k", 425_000),
        ("€ 495.000 k k", 495_000),
        ("€ 495.000 kk", 495_000),
    ]
    assert_read(numbers.whole_euros, expected)


def test_price_with_ambiguous_words_is_null():
    texts = ["€ 1.2m", "1.2m", "€ 4 ton", "€ 12 M", "€ 1,2 m", "€ 8.390 m²"]
    texts += ["€ 400.000 Million Dollar View", "€ 950 Thousand Oaks", "€ 1.250 mln"]
    assert_read(numbers.whole_euros, [(text, None) for text in texts])


def test_price_per_area_is_not_the_price_of_the_listing():
    expected = [
        ("€ 8.390 per m²", None),
        ("€ 8.390/m²", None),
        ("€ 100 per m² per jaar", None),
        ("€ 100 per vierkante meter", None),
        ("€ 495.000 k.k. (€ 8.390 per m²)", 495_000),
    ]
    assert_read(numbers.whole_euros, expected)


def test_text_that_is_no_price_is_null():
    texts = [
        "3 rooms (2 bedrooms)",
        "59 m²",
        "Verkocht",
        "$ 400,000",
        "GBP 495000",
        "€ 300.000 - € 350.000",
        "€ 1.2.3",
        "€ 0",
        "-5",
        "https://www.funda.nl/koop/delft/huis-41420853-straat-1/",
        "11 oktober 2019",
        None,
    ]
    assert_read(numbers.whole_euros, [(text, None) for text in texts])


def test_fee_keeps_its_cents():
    expected = [
        ("€ 164,54 per maand", Decimal("164.54")),
        ("€ 100 per maand", Decimal("100.00")),
        ("€ 1,113.30 per month", Decimal("1113.30")),
        ("100.00", Decimal("100.00")),
        ("Ja (€ 180,09 per maand)", Decimal("180.09")),
        ("Yes (€ 75.00 per month)", Decimal("75.00")),
        ("€ 0 per maand", Decimal("0.00")),
        ("€ 1,2345 per maand", None),
        ("veel", None),
    ]
    assert_read(numbers.euros_and_cents, expected)


def test_area_is_read_in_square_metres():
    expected = [
        ("91 m²", 91.0),
        ("1.234 m²", 1234.0),
        ("1,441 m2", 1441.0),
        ("59", 59.0),
        ("59,5 m²", 59.5),
        ("0.125 m²", 0.125),
        ("50 m² (10 meter diep en 5 meter breed)", 50.0),
        ("1,5 ha", 15_000.0),
        ("2 hectare", 20_000.0),
        ("ca. 96 m²", 96.0),
        ("circa 1.200 m²", 1200.0),
        ("± 96 m²", 96.0),
        ("218 m³", None),
        ("3 kamers", None),
        ("91 m² 92 m²", None),
    ]
    assert_read(numbers.square_metres, expected)


def test_volume_is_read_in_cubic_metres_and_never_from_an_area():
    assert read(numbers.cubic_metres, "1,441 m³") == 1441.0
    assert read(numbers.cubic_metres, "218") == 218.0
    assert read(numbers.cubic_metres, "ca. 300 m³") == 300.0
    assert read(numbers.cubic_metres, "7 m²") is None


@pytest.mark.parametrize(
    ("parse", "text", "number"),
    [
        (numbers.rooms, "3 kamers (2 slaapkamers)", 3),
        (numbers.rooms, "6 rooms (3 bedrooms)", 6),
        (numbers.rooms, "1 room", 1),
        (numbers.rooms, "3.0", 3),
        (numbers.rooms, "3.5", None),
        (numbers.rooms, "91 m²", None),
        (numbers.rooms, "kamers", None),
        (numbers.rooms, "99999", None),
        (numbers.bedrooms_in_rooms, "3 kamers (2 slaapkamers)", 2),
        (numbers.bedrooms_in_rooms, "2 rooms (1 bedroom)", 1),
        (numbers.bedrooms_in_rooms, "3 kamers", None),
        (numbers.bedrooms_in_rooms, "3 kamers (2-3 slaapkamers)", None),
        (numbers.bedrooms_in_rooms, "4 rooms (2 to 3 bedrooms)", None),
        (numbers.bedrooms, "2", 2),
        (numbers.bedrooms, "2 slaapkamers", 2),
        (numbers.bathrooms, "1 badkamer en 1 apart toilet", 1),
        (numbers.bathrooms, "2 bathrooms and 2 separate toilets", 2),
        (numbers.bathrooms, "1 apart toilet", None),
        (numbers.stories, "1 woonlaag", 1),
        (numbers.stories, "2 stories and a attic", 2),
        (numbers.stories, "3 woonlagen en een kelder", 3),
    ],
)
def test_count_is_read_from_the_beginning_of_a_text(parse, text, number):
    assert read(parse, text) == number


def test_period_of_a_rent_is_read():
    expected = [
        ("€ 1.725 per maand", "month"),
        ("€ 1,790 per month", "month"),
        ("per_month", "month"),
        ("€ 900 p.m.", "month"),
        ("€ 900 /mnd", "month"),
        ("€ 1.200 per jaar", "year"),
        ("per_year", "year"),
        ("€ 400.000 k.k.", None),
        ("2110", None),
        ("€ 1.500/m", "month"),
        ("€ 1.500 p/m, excl. stoffering", "month"),
        ("€ 1.500 (p/m)", "month"),
        ("€ 1.500 (per maand)", "month"),
    ]
    assert_read(numbers.rent_period, expected)


def test_price_per_square_metre_or_for_service_is_no_rent():
    expected = [
        ("€ 495.000 (€ 5.000/m²)", None),
        ("€ 495.000 (€ 5.000/m2)", None),
        ("€ 495.000 (€ 5.000/m^2)", None),
        ("€ 495.000 k.k. (5.000 p/m²)", None),
        ("€ 495.000 k.k. (€ 150 per maand service)", None),
        ("€ 495.000 v.o.n. (€ 150/m", None),
    ]
    assert_read(numbers.rent_period, expected)


def test_price_condition_says_who_pays_the_costs():
    expected = [
        ("€ 400.000 k.k.", "k.k."),
        ("kosten_koper", "k.k."),
        ("K.K.", "k.k."),
        ("€ 380,000 vrij op naam", "v.o.n."),
        ("V.O.N.", "v.o.n."),
        ("€ 400.000", None),
    ]
    assert_read(numbers.price_condition, expected)


def test_coordinate_never_has_thousands():
    assert read(numbers.degrees, "4.979") == 4.979
    assert read(numbers.degrees, "-3.5") == -3.5
    assert read(numbers.degrees, "4,979") is None


def test_one_of_several_areas_is_found_by_its_word():
    text = "114 m² residential surface area / 81 m² plot surface area"
    assert read(lambda t: numbers.part_of_area(t, "residential"), text) == 114.0
    assert read(lambda t: numbers.part_of_area(t, "plot"), text) == 81.0


@pytest.mark.parametrize(
    ("parse", "calls"),
    [
        (numbers.whole_euros, 2),
        (numbers.euros_and_cents, 1),
        (RULES["living_area_m2"].parse, 1),
        (RULES["volume_m3"].parse, 1),
    ],
)
def test_repeated_expression_of_a_parser_is_evaluated_once(parse, calls, monkeypatch):
    texts = []
    read_plain = parsers._read_plain

    def count_and_read(text, *, decimal):
        texts.append(text)
        return read_plain(text, decimal=decimal)

    monkeypatch.setattr(parsers, "_read_plain", count_and_read)
    assert read(parse, "5") == 5
    assert len(texts) == calls
