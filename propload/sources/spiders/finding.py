"""Finds spiders by their names: registered ones, and any class of a module."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import FunctionType, MethodType
from typing import TYPE_CHECKING

from scrapy import Spider

from propload.errors import ConfigError
from propload.messages.wording import with_article
from propload.names.registry import find_object

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The entry point group where packages register spiders.
GROUP = "propload.spiders"
#: Attributes of a spider's class that say how its items are loaded.
_PRESET = ("mapping", "schema")
#: Types of attributes that have one of these names, but another purpose.
_OTHER_PURPOSE_TYPES = (dict, list, tuple, set, property, FunctionType, MethodType)


@dataclass(frozen=True, slots=True)
class SpiderArgument:
    """One argument of a spider.

    Attributes:
        name: As in `-a name=value`.
        default: Its default, as a user would write it.
        help: One line about it.
    """

    name: str
    default: str
    help: str


@dataclass(frozen=True, slots=True)
class SpiderEntry:
    """A registered spider.

    Attributes:
        name: The name it is registered under.
        summary: The first line of its documentation, or why it cannot be loaded.
        arguments: The arguments that it takes.
        is_broken: Whether it cannot be loaded.
    """

    name: str
    summary: str
    arguments: tuple[SpiderArgument, ...] = ()
    is_broken: bool = False


def find_spider(name: str, /) -> type[Spider]:
    """Return the spider of a registered name, or of `module:Class`.

    Raises:
        ConfigError: There is none of that name, or it cannot be imported.
    """
    spider = find_object(name, group=GROUP, kind="spider")
    if not (isinstance(spider, type) and issubclass(spider, Spider)):
        msg = f"{name} is not a spider: give a class made from scrapy.Spider"
        raise ConfigError(msg)
    return spider


def check_spider(spider: type[Spider], /) -> None:
    """Check that Scrapy can crawl with a spider's class.

    Raises:
        ConfigError: It has no name, or begins with a method that Scrapy does not call.
    """
    subject = f"spider {spider.__module__}:{spider.__qualname__}"
    if not getattr(spider, "name", None):
        msg = f"{subject} has no name: give its class one, as in name = 'homes'"
        raise ConfigError(msg)
    # Scrapy would silently request nothing, or `start_urls` instead
    if hasattr(spider, "start_requests") and spider.start is Spider.start:
        msg = (
            f"{subject} begins with start_requests(), which Scrapy no longer calls: "
            "rename it to async def start(self)"
        )
        raise ConfigError(msg)


def defaults_of_spider(spider: type[Spider], /) -> dict[str, object]:
    """Return the settings that a spider's class sets for its items."""
    named = {name: getattr(spider, name, None) for name in _PRESET}
    return {
        name: value
        for name, value in named.items()
        if value is not None and not isinstance(value, _OTHER_PURPOSE_TYPES)
    }


def unread_defaults(spider: type[Spider], /) -> Iterator[str]:
    """Yield a message on each attribute named like a default but not used as one."""
    for name in _PRESET:
        value: object = getattr(spider, name, None)
        kind: type = type(value)
        if isinstance(value, _OTHER_PURPOSE_TYPES):
            yield (
                f"the attribute {name} of spider {spider.name} is "
                f"{with_article(kind.__name__)}, which is taken to be its own: to load "
                f"its items with a {name}, name it, as in {name} = "
                f"'project.loading:{name}'"
            )


def list_spiders() -> tuple[SpiderEntry, ...]:
    """Return the registered spiders, by name."""
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return tuple(_describe(entry) for entry in entries)


def _describe(entry: EntryPoint) -> SpiderEntry:
    try:
        spider = find_spider(entry.name)
    except ConfigError as error:
        return SpiderEntry(entry.name, str(error), is_broken=True)
    summary = (inspect.getdoc(spider) or "").partition("\n")[0]
    return SpiderEntry(entry.name, summary, arguments_of(spider))


def arguments_of(spider: type[Spider], /) -> tuple[SpiderArgument, ...]:
    """Return the arguments that a spider declares in `arguments`."""
    return tuple(
        SpiderArgument(str(one.name), str(one.default), str(one.help))
        for one in getattr(spider, "arguments", ())
    )
