from __future__ import annotations

from dataclasses import replace

import pytest

from propload_spiders.extraction.search import SearchPage
from propload_spiders.items import ListingItem
from propload_spiders.walking import Walk


def page(rows, total=None):
    items = tuple(
        ListingItem("funda", str(row), f"https://x/{row}", "now", "search")
        for row in range(rows)
    )
    return SearchPage(items, total, None, "payload" if rows else "none")


def step(walk, found, fresh=None, *, max_pages=0):
    rows = len(found.items)
    after = walk.with_page(found, rows if fresh is None else fresh)
    return after.next(max_pages=max_pages, rows=rows)


def test_a_walk_goes_by_the_number_that_the_site_names():
    walk = Walk("delft")
    pages = []
    while walk is not None:
        pages.append(walk.page)
        walk = step(walk, page(15, total=41))
    assert pages == [1, 2, 3]


def test_a_short_page_does_not_end_a_walk_with_a_number():
    onward = step(Walk("delft"), page(14, total=41))
    assert onward is not None
    assert onward.page == 2


def test_without_a_number_a_page_that_is_not_full_is_the_last():
    assert step(Walk("delft"), page(14)) is None
    assert step(Walk("delft"), page(15)) is not None
    assert step(Walk("delft", page=2), page(0)) is None


def test_a_site_that_repeats_itself_is_left_at_the_second_page():
    walk = step(Walk("delft"), page(15), fresh=0)
    assert walk is not None
    assert step(walk, page(15), fresh=0) is None
    assert step(walk, page(15), fresh=1) is not None


def test_a_number_that_shrinks_while_walking_ends_the_walk_sooner():
    assert step(Walk("delft", page=2, total=46), page(15, total=30)) is None


def test_pages_larger_than_usual_are_fewer():
    assert step(Walk("delft"), page(300, total=300)) is None


@pytest.mark.parametrize(("most", "goes"), [(0, True), (1, False), (2, True)])
def test_most_pages(most, goes):
    onward = step(Walk("delft"), page(15, total=100), max_pages=most)
    assert (onward is not None) is goes


def test_most_pages_count_from_where_the_walk_begins():
    walk = Walk("delft", page=5, first=5)
    onward = step(walk, page(15, total=200), max_pages=2)
    assert onward is not None
    assert onward.page == 6
    assert step(onward, page(15, total=200), max_pages=2) is None


def test_a_page_that_did_not_come_is_passed_where_the_number_is_known():
    assert Walk("delft", page=2, total=100).next(max_pages=0) is not None
    assert Walk("delft").next(max_pages=0) is None


@pytest.mark.parametrize(
    ("walk", "found", "lacks"),
    [
        (Walk("a"), page(0, total=41), True),
        (Walk("a"), page(0, total=0), False),
        (Walk("a"), page(0), True),
        (Walk("a", page=3), page(0), False),
        (Walk("a", page=3, total=41), page(0), True),
        (Walk("a", page=3, total=41), page(0, total=30), False),
        (Walk("a"), page(1, total=41), False),
    ],
)
def test_pages_without_a_card(walk, found, lacks):
    assert walk.lacks_cards(found) is lacks


def test_names_of_walks():
    url = "https://x/zoeken/koop"
    assert [Walk("a").name, Walk("", url=url).name, Walk("").name] == [
        "a",
        url,
        "anywhere",
    ]


def test_two_searches_of_one_place_are_not_one():
    # what one has seen must not end the other
    cheap, dear = (
        Walk("delft", url=f"https://x/zoeken/koop?selected_area=delft&price={price}")
        for price in ("0-200000", "200000-")
    )
    assert cheap.name != dear.name


def test_a_page_of_which_nothing_can_be_read_does_not_lack_its_cards():
    unread = SearchPage((), 41, None, "none", unread=15)
    assert Walk("delft").lacks_cards(page(0, total=41))
    assert not Walk("delft").lacks_cards(unread)


@pytest.mark.parametrize(
    ("walk", "found", "told"),
    [
        ({"page": 3, "seen": 30}, page(10, total=41), True),
        ({"page": 3, "seen": 30}, page(11, total=41), False),
        ({"page": 3, "seen": 30}, page(10, total=40), True),
        ({"page": 2, "seen": 15}, page(15, total=41), True),
        ({"page": 3, "first": 2, "seen": 15}, page(11, total=41), False),
    ],
)
def test_a_walk_that_ends_with_too_few_listings_says_so(walk, found, told):
    after = Walk("a", total=41, stated_total=41, **walk).with_page(
        found, len(found.items)
    )
    sentence = after.shortage_message(max_pages=0)
    assert ("41 listings for the search a" in sentence) is told


def test_a_walk_that_was_to_be_short_lacks_nothing():
    after = Walk("a", total=41).with_page(page(15, total=41), 15)
    assert after.shortage_message(max_pages=1) == ""
    assert (
        Walk("a").with_page(page(15, total=16), 15).shortage_message(max_pages=2) != ""
    )
    assert Walk("a").with_page(page(10), 10).shortage_message(max_pages=0) == ""


def test_listings_that_cannot_be_read_are_not_missing():
    found = replace(page(14, total=15), unread=1)
    assert Walk("a").with_page(found, 14).shortage_message(max_pages=0) == ""
