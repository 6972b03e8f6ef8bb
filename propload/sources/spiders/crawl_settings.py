"""Scrapy's settings of a crawl: a value that it cannot use is told with its name.

Scrapy reads most of them when a crawl begins, some when its spider is opened, where an
error is logged and no more, and says which value is wrong, but not of which setting.
"""

from __future__ import annotations

import math
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from scrapy.settings import BaseSettings, Settings, default_settings
from scrapy.utils.misc import load_object

from propload.errors import ConfigError
from propload.sources.spiders.settings import read_flush, unread_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: A setting that Scrapy reads as a switch, though its default is a number.
_SWITCHES = frozenset({"TELNETCONSOLE_ENABLED"})
#: Lists of codes of HTTP.
_CODES = frozenset(
    {"RETRY_HTTP_CODES", "HTTPERROR_ALLOWED_CODES", "HTTPCACHE_IGNORE_HTTP_CODES"}
)

#: Of these Scrapy begins nothing at none, and waits for ever.
_SLOTS = frozenset(
    {"CONCURRENT_ITEMS", "CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"}
)
#: Waits and limits of time: no less than nothing, and numbers also where a default is
#: whole.
_WAITS = frozenset(
    {
        "AUTOTHROTTLE_MAX_DELAY",
        "AUTOTHROTTLE_START_DELAY",
        "DNS_TIMEOUT",
        "DOWNLOAD_DELAY",
        "DOWNLOAD_TIMEOUT",
    }
)
#: Paths of classes, which Scrapy imports; a policy may be told by its name as well.
_CLASSES = frozenset(
    name
    for name, value in vars(default_settings).items()
    if name.isupper() and str(value).startswith("scrapy.")
) - {"REFERRER_POLICY"}


class WrongValueError(ConfigError, ValueError):
    """A setting of Scrapy has a value that Scrapy cannot use.

    Components may catch Scrapy's own error, which is a ValueError.
    """


class CrawlSettings(Settings):
    """Settings that say which one cannot be read, by Scrapy or by a component."""

    def set(self, name: Any, value: Any, priority: int | str = "project") -> None:
        """Set a value; that of a dict of components may be JSON."""
        is_dict = not self.frozen and isinstance(self[name], BaseSettings)
        with _naming(name, None, "a JSON object") if is_dict else nullcontext():
            super().set(name, value, priority)

    def getbool(self, name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002 - as Scrapy has it
        """Return a setting that is on or off."""
        with _naming(name, self[name], "true or false"):
            return super().getbool(name, default)

    def getint(self, name: str, default: int = 0) -> int:
        """Return a setting that is a whole number."""
        with _naming(name, self[name], "a whole number"):
            return super().getint(name, default)

    def getfloat(self, name: str, default: float = 0.0) -> float:
        """Return a setting that is a number."""
        with _naming(name, self[name], "a number"):
            return super().getfloat(name, default)

    def getdict(
        self, name: str, default: dict[Any, Any] | None = None
    ) -> dict[Any, Any]:
        """Return a setting that is a dict, or the JSON of one."""
        with _naming(name, None, "a JSON object"):
            return super().getdict(name, default)

    def require_usable(self) -> None:
        """Refuse values that Scrapy would fail on when it needs them.

        Raises:
            WrongValueError: One is of another type than Scrapy takes, or impossible.
        """
        for name, value in self.items():
            if name in _CODES:
                with _naming(name, value, "HTTP codes"):
                    for code in self.getlist(name):
                        int(str(code))
            elif value is not None and (reading := self._reading(name)) is not None:
                reading(name)
            self._require_possible(name, value)

    def _require_possible(self, name: str, value: object) -> None:
        """Refuse a value of the right type with which no crawl can go on."""
        if name in _SLOTS:
            with _naming(name, value, "1 or more"):
                _require_least(1, self.getint(name))
        elif name in _WAITS:
            with _naming(name, value, "a number of seconds from 0 on"):
                _require_least(0, self.getfloat(name))
        elif name in _CLASSES and value not in (None, getattr(default_settings, name)):
            with _naming(name, value, "the path of a class that can be imported"):
                _require_class(value)

    def _reading(self, name: str) -> Callable[[str], object] | None:
        """Return how Scrapy reads a setting, or None where it takes any value."""
        if name in _WAITS:
            return self.getfloat
        if name in _SWITCHES:
            return self.getbool
        readings: dict[type, Callable[[str], object]] = {
            bool: self.getbool,
            int: self.getint,
            float: self.getfloat,
        }
        # a setting that is about to go warns whoever asks for its default
        return readings.get(type(vars(default_settings).get(name)))


def check_values(given: Mapping[str, object], /) -> None:
    """Refuse settings of a crawl that Scrapy cannot use.

    Raises:
        ConfigError: One is, or it is one of the run.
    """
    for told in unread_settings(given):
        raise ConfigError(told)
    settings = CrawlSettings()
    settings.setdict(given, priority="cmdline")
    settings.require_usable()
    read_flush(settings)


def _require_least(least: float, value: float) -> None:
    # of what is no number (nan) no comparison holds
    if not least <= value < math.inf:
        raise ValueError(value)


def _require_class(path: Any) -> None:
    try:
        load_object(path)
    except (ImportError, NameError) as error:
        raise ValueError(path) from error


@contextmanager
def _naming(name: object, value: object, wanted: str) -> Iterator[None]:
    """Have an error of who reads a setting say which setting that is.

    Args:
        name: The setting.
        value: What is shown of it; a dict may hold what nobody is to see.
        wanted: What it should be.
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        if isinstance(error, WrongValueError):
            raise
        shown = "" if value is None else f" {value!r},"
        msg = f"the setting {name} of the crawl is{shown} not {wanted}"
        raise WrongValueError(msg) from error
