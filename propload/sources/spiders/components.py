"""What a crawl is given so that its items are loaded, and what puts it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.sources.spiders.pace import Pace
from propload.sources.spiders.sink import PropLoadPipeline
from propload.sources.spiders.unpacking import tell_too_large
from propload.sources.spiders.watching import Watch

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

#: After the pipelines that clean, check and drop items, which stand at 100 to 700.
SINK_ORDER = 800
#: Before every other downloader middleware (robots.txt, at 100, is Scrapy's first).
WATCH_ORDER = 45
#: Nearest to the engine: what other middlewares add to `start` is paced too.
PACE_ORDER = 1


def add_components(settings: BaseSettings, /) -> None:
    """Add sink, pace and watch to a crawl, each where its settings do not name it."""
    for setting, component, order in (
        ("ITEM_PIPELINES", PropLoadPipeline, SINK_ORDER),
        ("SPIDER_MIDDLEWARES", Pace, PACE_ORDER),
        ("DOWNLOADER_MIDDLEWARES", Watch, WATCH_ORDER),
    ):
        settings.setdefault_in_component_priority_dict(setting, component, order)


class PropLoadAddon:
    """Adds the pipeline to a project, and what goes with it: `ADDONS = {this: 500}`."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Add what the project does not name itself."""
        add_components(settings)
        tell_too_large(settings)
