"""Recognizes spiders given as a source: `spider:NAME`, `module:Class`, or a class."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Prefix of the name of a registered spider; optional before `module:Class`.
MARK = "spider:"
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_spider(source: object) -> bool:
    """Return whether a source is the class of a Scrapy spider, or names one."""
    if isinstance(source, str):
        return source.startswith(MARK) or _names_class(source)
    # no issubclass: importing Scrapy takes half a second
    return isinstance(source, type) and any(
        base.__module__.startswith("scrapy.") for base in source.__mro__
    )


def spider_name(source: str) -> str:
    """Return a spider's registered name, or `module:Class`, from a source's text."""
    return source.removeprefix(MARK)


def refuse_among(sources: Iterable[object]) -> None:
    """Check that there is no spider among several sources.

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
    # a file may have such a name: if it exists, the file is meant
    return bool(_CLASS.fullmatch(text)) and not Path(text).exists()
