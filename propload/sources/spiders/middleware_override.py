"""Middlewares of propload's that take the place of Scrapy's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.utils.misc import load_object

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

_SETTING = "DOWNLOADER_MIDDLEWARES"


def override_middleware(
    settings: BaseSettings, own: type, /, *, for_scrapys: type, order: int
) -> None:
    """Put a middleware in the place of Scrapy's, unless a user has changed that.

    Args:
        settings: The crawl's.
        own: What is put there.
        for_scrapys: What stands there by default.
        order: Where that stands among the others.
    """
    chosen = settings.getdict(_SETTING)
    if any(load_object(each) is for_scrapys for each in chosen):
        return
    settings.set_in_component_priority_dict(_SETTING, for_scrapys, None)
    settings.setdefault_in_component_priority_dict(_SETTING, own, order)
