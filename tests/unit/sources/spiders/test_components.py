from __future__ import annotations

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.settings import Settings
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import load_object

from propload.sources.spiders.components import obey_site
from propload.sources.spiders.robots import Robots

MIDDLEWARES = "DOWNLOADER_MIDDLEWARES"


def middleware_classes(settings):
    found = build_component_list(
        settings.get_component_priority_dict_with_base(MIDDLEWARES)
    )
    return [load_object(one) for one in found]


def test_robots_middleware_is_added_once():
    settings = Settings()
    obey_site(settings)
    obey_site(settings)
    assert middleware_classes(settings).count(Robots) == 1
    assert RobotsTxtMiddleware not in middleware_classes(settings)


def test_robots_middleware_is_not_added_if_the_user_configured_it():
    own = {"scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None}
    settings = Settings({MIDDLEWARES: own})
    obey_site(settings)
    assert Robots not in middleware_classes(settings)
    assert RobotsTxtMiddleware not in middleware_classes(settings)
