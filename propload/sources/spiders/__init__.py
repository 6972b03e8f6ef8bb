"""Scrapy and propload: the sink for any Scrapy project, and spiders as sources.

This package is the one place that imports Scrapy.
"""

from __future__ import annotations

from propload.sources.spiders.components import PropLoadAddon
from propload.sources.spiders.crawl import SpiderSource
from propload.sources.spiders.finding import (
    SpiderArgument,
    SpiderEntry,
    arguments_of,
    find_spider,
    list_spiders,
)
from propload.sources.spiders.outcome import CrawlOutcome
from propload.sources.spiders.pace import Pace
from propload.sources.spiders.sink import PropLoadPipeline
from propload.sources.spiders.site_pace import SitePace
from propload.sources.spiders.watching import Watch

__all__ = [
    "CrawlOutcome",
    "Pace",
    "PropLoadAddon",
    "PropLoadPipeline",
    "SitePace",
    "SpiderArgument",
    "SpiderEntry",
    "SpiderSource",
    "Watch",
    "arguments_of",
    "find_spider",
    "list_spiders",
]
