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


def step(walk, search_page, fresh=None, *, max_pages=0):
    rows = len(search_page.items)
    after = walk.with_page(search_page, rows if fresh is None else fresh)
    return after.next(max_pages=max_pages, rows=rows)


def test_walk_ends_at_the_total_that_the_site_states():
    walk = Walk("delft")
    pages = []
    while walk is not None:
        pages.append(walk.page)
        walk = step(walk, page(15, total=41))
    assert pages == [1, 2, 3]


def test_short_page_does_not_end_a_walk_with_a_total():
    onward = step(Walk("delft"), page(14, total=41))
    assert onward is not None
    assert onward.page == 2


def test_without_total_a_page_that_is_not_full_is_the_last():
    assert step(Walk("delft"), page(14)) is None
    assert step(Walk("delft"), page(15)) is not None
    assert step(Walk("delft", page=2), page(0)) is None


def test_walk_ends_at_the_second_page_without_new_listings():
    walk = step(Walk("delft"), page(15), fresh=0)
    assert walk is not None
    assert step(walk, page(15), fresh=0) is None
    assert step(walk, page(15), fresh=1) is not None


def test_total_that_shrinks_ends_the_walk_sooner():
    assert step(Walk("delft", page=2, total=46), page(15, total=30)) is None


def test_large_page_with_all_listings_ends_the_walk():
    assert step(Walk("delft"), page(300, total=300)) is None


@pytest.mark.parametrize(("max_pages", "goes_on"), [(0, True), (1, False), (2, True)])
def test_max_pages_limits_the_walk(max_pages, goes_on):
    onward = step(Walk("delft"), page(15, total=100), max_pages=max_pages)
    assert (onward is not None) is goes_on


def test_max_pages_counts_from_the_first_page_of_the_walk():
    walk = Walk("delft", page=5, first=5)
    onward = step(walk, page(15, total=200), max_pages=2)
    assert onward is not None
    assert onward.page == 6
    assert step(onward, page(15, total=200), max_pages=2) is None


def test_lost_page_is_skipped_if_the_total_is_known():
    assert Walk("delft", page=2, total=100).next(max_pages=0) is not None
    assert Walk("delft").next(max_pages=0) is None


@pytest.mark.parametrize(
    ("walk", "search_page", "lacks"),
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
def test_page_without_expected_cards_is_recognized(walk, search_page, lacks):
    assert walk.lacks_cards(search_page) is lacks


def test_walk_is_named_after_its_place_or_url():
    url = "https://x/zoeken/koop"
    assert [Walk("a").name, Walk("", url=url).name, Walk("").name] == [
        "a",
        url,
        "anywhere",
    ]


def test_two_searches_of_one_place_have_different_names():
    # the listings that one has seen must not end the other
    cheap, dear = (
        Walk("delft", url=f"https://x/zoeken/koop?selected_area=delft&price={price}")
        for price in ("0-200000", "200000-")
    )
    assert cheap.name != dear.name


def test_page_of_unreadable_listings_does_not_lack_cards():
    unread = SearchPage((), 41, None, "none", unread=15)
    assert Walk("delft").lacks_cards(page(0, total=41))
    assert not Walk("delft").lacks_cards(unread)


@pytest.mark.parametrize(
    ("walk", "search_page", "is_short"),
    [
        ({"page": 3, "seen": 30}, page(10, total=41), True),
        ({"page": 3, "seen": 30}, page(11, total=41), False),
        ({"page": 3, "seen": 30}, page(10, total=40), True),
        ({"page": 2, "seen": 15}, page(15, total=41), True),
        ({"page": 3, "first": 2, "seen": 15}, page(11, total=41), False),
    ],
)
def test_walk_that_ends_with_too_few_listings_says_so(walk, search_page, is_short):
    after = Walk("a", total=41, stated_total=41, **walk).with_page(
        search_page, len(search_page.items)
    )
    sentence = after.shortage_message(max_pages=0)
    assert ("41 listings for the search a" in sentence) is is_short


def test_walk_limited_by_max_pages_reports_no_shortage():
    after = Walk("a", total=41).with_page(page(15, total=41), 15)
    assert after.shortage_message(max_pages=1) == ""
    assert (
        Walk("a").with_page(page(15, total=16), 15).shortage_message(max_pages=2) != ""
    )
    assert Walk("a").with_page(page(10), 10).shortage_message(max_pages=0) == ""


def test_unreadable_listings_are_not_reported_as_missing():
    search_page = replace(page(14, total=15), unread=1)
    assert Walk("a").with_page(search_page, 14).shortage_message(max_pages=0) == ""
