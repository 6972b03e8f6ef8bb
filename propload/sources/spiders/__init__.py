"""Scrapy and propload: the sink for any Scrapy project, and spiders as sources.

This package is the one place that imports Scrapy.
"""

from __future__ import annotations

from propload.sources.spiders.sink import PropLoadAddon, PropLoadPipeline

__all__ = ["PropLoadAddon", "PropLoadPipeline"]
