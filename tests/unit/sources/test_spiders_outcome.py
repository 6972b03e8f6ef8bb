from __future__ import annotations

import pytest
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.settings import Settings
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import load_object

from propload.errors import BlockedError, SourceError
from propload.sources.spiders.outcome import CrawlOutcome
from propload.sources.spiders.robots import Robots, obey_robots

MIDDLEWARES = "DOWNLOADER_MIDDLEWARES"


def outcome(**given):
    return CrawlOutcome("homes", **{"finish_reason": "finished", "pages": 1, **given})


def test_a_search_that_finds_nothing_is_no_failure():
    empty = outcome(empty_searches=1)
    empty.raise_for_failure()
    assert "searches that found nothing, says the site: 1" in empty.notes


@pytest.mark.parametrize(
    "also",
    [{"missing": ("page 2 is missing",)}, {"errors": 1}, {"lost_pages": 1}],
    ids=lambda also: next(iter(also)),
)
def test_nothing_found_and_something_lost_is_a_failure(also):
    with pytest.raises(SourceError, match=r"gave no items from 1 page\b"):
        outcome(empty_searches=1, **also).raise_for_failure()


def test_a_block_gives_its_advice_once():
    said = outcome(finish_reason="blocked", missing=("refused: wait a day",))
    with pytest.raises(BlockedError) as caught:
        said.raise_for_failure()
    assert "wait a day" in str(caught.value)
    assert "ask for less" not in str(caught.value)
    with pytest.raises(BlockedError, match="ask for less"):
        outcome(finish_reason="blocked").raise_for_failure()


def kinds(settings):
    found = build_component_list(
        settings.get_component_priority_dict_with_base(MIDDLEWARES)
    )
    return [load_object(one) for one in found]


def test_robots_txt_is_obeyed_once():
    settings = Settings()
    obey_robots(settings)
    obey_robots(settings)
    assert kinds(settings).count(Robots) == 1
    assert RobotsTxtMiddleware not in kinds(settings)


def test_a_users_own_way_with_robots_txt_stays():
    own = {"scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None}
    settings = Settings({MIDDLEWARES: own})
    obey_robots(settings)
    assert Robots not in kinds(settings)
    assert RobotsTxtMiddleware not in kinds(settings)
