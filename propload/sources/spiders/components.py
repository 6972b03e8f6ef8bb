"""Adds to a crawl the components that load its items and obey its site.

A component is added only if the settings of the crawl do not contain it already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.utils.misc import load_object

from propload.sources.spiders.pace import Pace
from propload.sources.spiders.robots import Robots
from propload.sources.spiders.sink import PropLoadPipeline
from propload.sources.spiders.site_pace import SitePace
from propload.sources.spiders.watching import Watch

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

_MIDDLEWARES = "DOWNLOADER_MIDDLEWARES"
#: After the pipelines that clean, check and drop items, which have orders 100 to 700.
SINK_ORDER = 800
#: Nearest to the engine: what other middlewares add to `start` is paced too.
PACE_ORDER = 1
#: Before every other downloader middleware (robots.txt, at 100, is Scrapy's first).
WATCH_ORDER = 45
#: Nearest to the site: it must not take a response from a cache for one of the site.
SITE_PACE_ORDER = 950
#: The order of Scrapy's own middleware, which ours replaces.
ROBOTS_ORDER = 100


def add_components(settings: BaseSettings, /) -> None:
    """Add the components that load a crawl's items and note what it did not bring."""
    for setting, component, order in (
        ("ITEM_PIPELINES", PropLoadPipeline, SINK_ORDER),
        ("SPIDER_MIDDLEWARES", Pace, PACE_ORDER),
        (_MIDDLEWARES, Watch, WATCH_ORDER),
    ):
        settings.setdefault_in_component_priority_dict(setting, component, order)


def obey_site(settings: BaseSettings, /) -> None:
    """Add the middlewares that obey a site's robots.txt and its requests to wait."""
    _override(settings, RobotsTxtMiddleware, Robots, ROBOTS_ORDER)
    settings.setdefault_in_component_priority_dict(
        _MIDDLEWARES, SitePace, SITE_PACE_ORDER
    )


def _override(
    settings: BaseSettings, replaced: type, replacement: type, order: int
) -> None:
    """Replace a middleware of Scrapy, unless the user has configured it."""
    chosen = settings.getdict(_MIDDLEWARES)
    if any(load_object(component) is replaced for component in chosen):
        return
    settings.set_in_component_priority_dict(_MIDDLEWARES, replaced, None)
    settings.setdefault_in_component_priority_dict(_MIDDLEWARES, replacement, order)


class PropLoadAddon:
    """Adds the pipeline and its middlewares to a project: `ADDONS = {this: 500}`."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Add the components that the project's settings do not contain."""
        add_components(settings)
