from __future__ import annotations

import pytest

from propload_spiders.extraction.addresses import (
    is_area_served,
    is_old_search_url,
    is_search_url,
    page_number,
    page_url,
    place_of,
    read_listing_url,
    search_url,
    split_places,
)

SITE = "https://www.funda.nl"


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        (
            "/detail/koop/utrecht/huis-oudegracht-12-a/43210987/",
            ("43210987", "koop", "utrecht", "huis", False),
        ),
        (
            "/detail/koop/verkocht/utrecht/appartement-kade-1/43210987/",
            ("43210987", "koop", "utrecht", "appartement", True),
        ),
        (
            "/detail/huur/delft/huis-oliemolen-84/80860387/?navigateSource=resultlist",
            ("80860387", "huur", "delft", "huis", False),
        ),
        (
            "/koop/verkocht/utrecht/huis-42797899-lijsterstraat-1/",
            ("42797899", "koop", "utrecht", "huis", True),
        ),
        (
            "/koop/amsterdam/appartement-41420853-talbotstraat-207/?navigateSource=x",
            ("41420853", "koop", "amsterdam", "appartement", False),
        ),
        (
            "/en/detail/koop/utrecht/apartment-kade-1-bouwnr-12/4321098",
            ("4321098", "koop", "utrecht", "apartment", False),
        ),
    ],
)
def test_listing_url_is_read(path, facts):
    address = read_listing_url(SITE + path)
    assert address is not None
    assert (
        address.listing_id,
        address.offering,
        address.city,
        address.object_type,
        address.sold,
    ) == facts


@pytest.mark.parametrize(
    "path",
    ["/", "/zoeken/koop?selected_area=[%22a%22]", "/makelaar/17538-kantoor/", "/mijn/"],
)
def test_other_url_is_no_listing(path):
    assert read_listing_url(SITE + path) is None


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("amsterdam,utrecht", ("amsterdam", "utrecht")),
        (" Den Haag , 's-Gravenzande ", ("den-haag", "s-gravenzande")),
        ("den-haag,5km,utrecht", ("den-haag,5km", "utrecht")),
        ("den-haag, +10 km", ("den-haag,10km",)),
        ("2611 DX,2611dx,2611", ("2611dx", "2611")),
        ("amsterdam/koningsplein-e.o.", ("amsterdam/koningsplein-eo",)),
        (["den-haag,5km", "gemeente-delft"], ("den-haag,5km", "gemeente-delft")),
        (["delft,utrecht", "5km"], ("delft", "utrecht,5km")),
        ("Súdwest-Fryslân", ("sudwest-fryslan",)),
        ("", ()),
    ],
)
def test_places_are_split_as_users_write_them(text, places):
    assert split_places(text) == places


@pytest.mark.parametrize("text", ["5km", "delft,6km", ["delft,3km"]])
def test_radius_unknown_to_the_site_is_refused(text):
    with pytest.raises(ValueError, match="radius"):
        split_places(text)


def test_search_url_is_written_and_read():
    url = search_url(SITE, "buy", "den-haag,5km", 3, {"price": "0-500000"})
    assert url == (
        f"{SITE}/zoeken/koop?selected_area=%5B%22den-haag%2C5km%22%5D"
        "&price=%220-500000%22&search_result=3"
    )
    assert (is_search_url(url), place_of(url), page_number(url)) == (
        True,
        "den-haag,5km",
        3,
    )
    assert page_url(url, 1).endswith("&price=%220-500000%22")
    assert page_number(page_url(url, 12)) == 12
    assert search_url(SITE, "rent", "", 1, {}) == f"{SITE}/zoeken/huur"


def test_search_url_with_unquoted_place_or_invalid_page_is_read():
    assert place_of(f"{SITE}/zoeken/koop?selected_area=delft") == "delft"
    assert place_of(f"{SITE}/zoeken/koop?selected_area=delft,rijswijk-zh") == ""
    for invalid in ("x", "0", "²"):
        assert page_number(f"{SITE}/zoeken/koop?search_result={invalid}") == 1


@pytest.mark.parametrize(
    ("place", "areas", "cities", "served"),
    [
        ("delft", ("delft",), (), True),
        ("delft,5km", ("delft",), (), True),
        ("delft", (), ("utrecht",), False),
        ("delft/nergens", ("delft",), ("delft",), False),
        ("delft", None, ("utrecht", "zwolle"), False),
        ("delft", None, ("utrecht", "delft"), True),
        ("rijswijk-zh", None, ("rijswijk",), True),
        ("delft", None, (), True),
        ("gemeente-delft", None, ("schipluiden",), True),
        ("2611", None, ("delft",), True),
        ("delft,10km", None, ("rijswijk",), True),
        ("", (), (), True),
    ],
)
def test_served_area_is_compared_with_the_requested_place(place, areas, cities, served):
    assert is_area_served(place, areas, cities) is served


@pytest.mark.parametrize(
    ("path", "is_old"),
    [
        ("/koop/utrecht/", True),
        ("/koop/utrecht/p2/", True),
        ("/en/huur/den-haag", True),
        ("/koop/verkocht/utrecht/p12", True),
        ("/zoeken/koop", False),
        ("/detail/koop/utrecht/huis-kaai-1/41234567/", False),
        ("/koop/utrecht/huis-42797899-kaai-1/", False),
        ("/koop/verkocht/utrecht/huis-42797899-kaai-1/", False),
        ("/", False),
    ],
)
def test_old_form_of_search_url_is_recognized(path, is_old):
    assert is_old_search_url(f"https://www.funda.nl{path}") is is_old
