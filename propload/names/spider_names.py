"""Spiders where a path could stand: `spider:NAME`, `module:Class`, or a class."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Before the name of a registered spider; before `module:Class` it may be left out.
MARK = "spider:"
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_spider(source: object) -> bool:
    """Return whether something is a Scrapy spider or names one."""
    if isinstance(source, str):
        return source.startswith(MARK) or _names_class(source)
    # Scrapy takes half a second to import, and a class tells where it comes from
    return isinstance(source, type) and any(
        base.__module__.startswith("scrapy.") for base in source.__mro__
    )


def spider_name(source: str) -> str:
    """Return the registered name, or `module:Class`, of a text that names a spider."""
    return source.removeprefix(MARK)


def refuse_among(sources: Iterable[object]) -> None:
    """Refuse a spider among several sources.

    Raises:
        ConfigError: One of them is, or names, a spider.
    """
    for source in sources:
        if is_spider(source):
            msg = (
                f"{source} is a crawl and cannot be one of several sources: "
                "load it alone, in a run of its own"
            )
            raise ConfigError(msg)


def _names_class(text: str) -> bool:
    # a file may have such a name, and who names a file that exists means it
    return bool(_CLASS.fullmatch(text)) and not Path(text).exists()
