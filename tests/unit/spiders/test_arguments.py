"""Arguments of spiders are read from texts."""

from __future__ import annotations

import pytest

from propload.errors import ConfigError
from propload_spiders.arguments import (
    check_names,
    read_number,
    read_range,
    read_switch,
    read_urls,
)
from propload_spiders.searching import ARGUMENTS


@pytest.mark.parametrize(
    ("value", "expected"),
    [("on", True), (True, True), ("0", False), ("No", False), (False, False)],
)
def test_switches_are_read(value, expected):
    assert read_switch("details", value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("200000-500000", "200000-500000"),
        ("-500000", "0-500000"),
        ("€ 1.500.000 - ", "1500000-"),
        (3, "3-3"),
    ],
)
def test_ranges_are_read(value, expected):
    assert read_range("price", value) == expected


def test_whole_numbers_are_read_and_others_refused():
    assert read_number("max_pages", " 12 ") == 12
    # "²" is a digit to Python, but no number
    for written in ("²", "-1", "few", ""):
        with pytest.raises(ConfigError, match="max_pages is "):
            read_number("max_pages", written)


def test_urls_may_contain_commas():
    area = "https://x/zoeken/koop?selected_area=[%22a,5km%22]"
    assert read_urls(f"{area}, https://x/detail/koop/a/huis-b-1/41234567/\n{area}") == [
        area,
        "https://x/detail/koop/a/huis-b-1/41234567/",
        area,
    ]
    assert read_urls([area, area]) == [area, area]


def test_misspelled_argument_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'place'"):
        check_names("funda", {"plcae": "delft"}, ARGUMENTS)
    check_names("funda", {"place": "delft", "_job": "1"}, ARGUMENTS)
