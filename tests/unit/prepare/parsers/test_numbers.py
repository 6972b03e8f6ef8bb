"""Numbers parsed from texts, as written in several countries."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.prepare.parsers import (
    numbers,
    parse_area,
    parse_integer,
    parse_money,
    parse_number,
)
from tests.unit.prepare.parsing import read

AMOUNTS = {
    "€ 400.000 k.k.": "400000",
    "€ 415,000 kosten koper": "415000",
    "€ 1.234,50": "1234.50",
    "$1,234.50": "1234.50",
    "$150.00": "150",
    "€ 500,-": "500",
    "€ 164,54 per maand": "164.54",
    "€ 1.725 per maand (servicekosten onbekend)": "1725",
    "€ 8.390 per m²": "8390",
    "€ 8.390 per m2": "8390",
    "v.a. EUR 300": "300",
    "12.345.678": "12345678",
    "1,234,567": "1234567",
    "1 234 567,50 zł": "1234567.50",
    "1\u00a0234\u202f567 €": "1234567",
    "1'234.50 CHF": "1234.50",
    "1\u2019234": "1234",
    "0,5": "0.5",
    "€1.234,5": "1234.5",
    "-5": "-5",
    "€ -5": "-5",
    "-€ 5": "-5",
    "\u22125": "-5",
    "(5.00)": "-5",
    "vraag-prijs 500": "500",
    ".5": "0.5",
    "-.5": "-0.5",
    "€.50": "0.5",
    "no.5": "5",
    "\u20135": "-5",
    "-EUR 5": "-5",
    "EUR -5": "-5",
    "$(5.00)": "-5",
    "1,2 mln": "1200000",
    "$1.2M": "1200000",
    "1.5 million": "1500000",
    "2 miljoen euro": "2000000",
    "1.25 mld": "1250000000",
    "350k": "350000",
    "350 K": "350000",
    "$950K/mo": "950000",
    "2,5 tys. zł": "2500",
    "2 miljoenen": "2000000",
    "2 Millionen Euro": "2000000",
    "3 tysiące zł": "3000",
    "2 miljarden": "2000000000",
    "2 milliards": "2000000000",
    "€ 1,2 miljoen k.k.": "1200000",
    "€ 1,2 Miljoen Kosten Koper": "1200000",
    "1,2 MLN EUR NETTO": "1200000",
    "2 Mio. Euro": "2000000",
    "3 TYS. ZŁ": "3000",
    "0,125 mln": "125000",
    "1.250,5 mln": "1250500000",
    "1.2 million square feet": "1200000",
    "€ 950 Millennium Tower": "950",
    "€ 400.000, Million Dollar View": "400000",
    "€ - 500,00": "-500",
    "- € 5": "-5",
    "(5.00) EUR": "-5",
    "\uff0d5": "-5",
    "\u20115": "-5",
    "prijs \u2013500": "-500",
    "nr-5": "5",
    "€ 1.250 p.m.": "1250",
    "2.100 €/m²": "2100",
    "prijs - 500": "500",
}


# all of them in one frame, because a frame has a fixed cost
def test_amount_is_read_with_signs_and_words_around_it():
    wanted = {text: Decimal(amount) for text, amount in AMOUNTS.items()}
    found = read(parse_money, *AMOUNTS)
    assert dict(zip(AMOUNTS, found, strict=True)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Prijs op aanvraag",
        "€ 1 - € 2",
        "1.2.3",
        "12,34,567.00",
        "0.125",
        "1.234,567",
        "12345678901234567890",
        None,
    ],
)
def test_text_that_is_no_amount_is_null(text):
    assert read(parse_money, text) == [None]


AMBIGUOUS = [
    *("12%", "12 %", "12 procent", "12 percent", "12\u2030", "12\uff05"),
    *("100-200", "100 - 200", "100 tot 200", "100/200", "5 1/2", "5\u00bd"),
    *("5\u00b2", "5 \u2013", "5-", "(-5)", "--5", "- -5", "-(5)", "\uff085\uff09"),
    *("< 5", ">\u20ac 5", "\u2264 5", "\u00b15", "100+", "100 +"),
    *("2 M", "2 MM", "5 mil.", "3 hundred", "2 dozen", "12 lakh", "1 crore"),
    "2 millones",
    *("€1.2m", "€ 1,2 m k.k.", "EUR 3m", "$1.2B", "$5MM", "€ 2 ton", "5 m€", "5 MEUR"),
    *("€ 950 Million Dollar View", "€ 950 MILLION DOLLAR VIEW", "950 Thousand Oaks"),
    *("€ 950 K-serie", "€ 5 million-dollar view", "1.2M Views", "5 Mio Park"),
    *(
        "€ 400.000 million",
        "$1.375M",
        "1,250k",
        "€ 400.000 k",
        "€ 400 k.",
        "€ 495000 k k",
    ),
    *("5 millionaire", "5 tausendfach", "5 duizendste", "5 milionowy", "5 miljardste"),
]


# all of them in one frame, because a frame has a fixed cost
@pytest.mark.parametrize("parse", [parse_number, parse_money, parse_integer])
def test_ambiguous_number_is_null(parse):
    found = read(parse, *AMBIGUOUS)
    assert dict(zip(AMBIGUOUS, found, strict=True)) == dict.fromkeys(AMBIGUOUS)


@pytest.mark.parametrize(
    "text",
    [
        *("1.2 m", "1.2m", "€5m", "5mn", "5 MEUR", "5 m€", "$1.2B", "$5MM", "2 ton"),
        *("€ 2 Ton k.k.", "2 ton.", "2 tonnen"),
        *("50 ct", "50 cents", "50 cent", "50p", "50\u00a2", "5 CR", "5 DR"),
        *("91 m²", "91 m2", "218 m³", "91 (m²)", "5 km", "1 ha", "979 sq ft"),
    ],
)
def test_sizes_cents_and_abbreviated_millions_are_no_money(text):
    assert read(parse_money, text) == [None]


def test_number_with_metres_is_read():
    assert read(parse_number, "12 m", "91 m²", "3 kamers") == [12.0, 91.0, 3.0]
    assert read(parse_number, "€ 5 per m", "€ 5/m²", "€ 5 m²") == [5.0, 5.0, 5.0]


def test_single_separator_before_three_digits_marks_thousands():
    assert read(parse_number, "1.234", "1,234") == [1234.0, 1234.0]
    assert read(parse_number, "0.125", "1234.567", "1.25") == [0.125, 1234.567, 1.25]
    assert read(parse_number, "1.234", "1,234", "1,5", decimal=".") == [
        1.234,
        1234.0,
        None,
    ]
    assert read(parse_number, "1.234", "1,234", "1.5", decimal=",") == [
        1234.0,
        1.234,
        None,
    ]


def test_decimal_mark_decides_how_many_millions_are_meant():
    assert read(parse_number, "$1.375M", "1,375M", decimal=".") == [1.375e6, 1.375e9]
    assert read(parse_number, "1.375 mln", decimal=",") == [1.375e9]


def test_invalid_decimal_mark_is_refused():
    with pytest.raises(ConfigError, match="decimal 'x'"):
        parse_number(pl.col("text"), decimal="x")


def test_number_that_a_double_cannot_hold_is_null():
    assert read(parse_number, "9007199254740993", "123456") == [None, 123456.0]


def test_integer_must_be_a_whole_number():
    texts = ["3 kamers", "3.0", "3.5", "3 kamers (2 slaapkamers)", "1.234", "-2"]
    assert read(parse_integer, *texts) == [3, 3, None, None, 1234, -2]


def test_area_becomes_square_metres():
    assert read(parse_area, "91 M2", "91 M²", "91 \u33a1", "91m2") == [91.0] * 4
    assert read(parse_area, "91 \u33a1", unit="sqft") == [91.0]
    assert read(parse_area, "12%", "91 m² / 120 m²", "> 91 m²") == [None] * 3
    texts = ["91 m²", "1.234 m2", "0,5 ha", "59", "979 sq ft", "50 vierkante meter"]
    found = read(parse_area, *texts)
    assert found[:4] == [91.0, 1234.0, 5000.0, 59.0]
    assert found[4:] == pytest.approx([90.95207616, 50.0])
    feet = ["979 (sq ft)", "sq ft 979", "SQFT: 979", "979/sq ft", "979 sq. feet"]
    assert read(parse_area, *feet) == pytest.approx([90.95207616] * len(feet))
    assert read(parse_area, "area 91", "Wohnfläche 91 m²", "91 (m²)") == [91.0] * 3
    assert read(parse_area, "218 m³", "3 appels", "m²") == [None, None, None]
    assert read(parse_area, "1,000", unit="sqft") == pytest.approx([92.90304])
    with pytest.raises(ConfigError, match="unit 'miles'"):
        parse_area(pl.col("text"), unit="miles")


@pytest.fixture
def searched_heights(monkeypatch):
    """Return the heights of the frames that were searched for patterns of a number."""
    found = []
    multiplied = numbers._multiplied

    def count_and_search(frame, decimal):
        found.append(frame.height)
        return multiplied(frame, decimal)

    monkeypatch.setattr(numbers, "_multiplied", count_and_search)
    return found


@pytest.mark.parametrize(
    "parse", [parse_area, parse_integer, parse_money, parse_number]
)
def test_every_text_is_searched_once(parse, searched_heights):
    assert read(parse, "5", None) == [5, None]
    assert searched_heights == [2]


def test_nothing_is_searched_without_a_candidate_text(searched_heights):
    assert read(parse_money, None, None) == [None, None]
    # a text that is no money is excluded before
    assert read(parse_money, "5 m2") == [None]
    assert searched_heights == []
