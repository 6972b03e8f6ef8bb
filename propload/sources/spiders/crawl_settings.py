"""Scrapy's settings of a crawl, with errors that name the setting.

Scrapy reads most settings when a crawl begins, and some when its spider is opened,
where an error is only logged. Its errors quote the wrong value, but not the setting.
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
#: Lists of HTTP status codes.
_CODES = frozenset(
    {"RETRY_HTTP_CODES", "HTTPERROR_ALLOWED_CODES", "HTTPCACHE_IGNORE_HTTP_CODES"}
)

#: If one of these is 0, Scrapy starts nothing and waits forever.
_SLOTS = frozenset(
    {"CONCURRENT_ITEMS", "CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"}
)
#: Waits and time limits: not negative, and fractions even if the default is a whole
#: number.
_WAITS = frozenset(
    {
        "AUTOTHROTTLE_MAX_DELAY",
        "AUTOTHROTTLE_START_DELAY",
        "DNS_TIMEOUT",
        "DOWNLOAD_DELAY",
        "DOWNLOAD_TIMEOUT",
    }
)
#: Settings with the path of a class that Scrapy imports; `REFERRER_POLICY` may also be
#: the name of a policy.
_CLASSES = frozenset(
    name
    for name, value in vars(default_settings).items()
    if name.isupper() and str(value).startswith("scrapy.")
) - {"REFERRER_POLICY"}


class WrongValueError(ConfigError, ValueError):
    """A setting of Scrapy has a value that Scrapy cannot use.

    It is a ValueError too, like Scrapy's own error, which components may catch.
    """


class CrawlSettings(Settings):
    """Settings whose errors name the setting, also when a component reads it."""

    def set(self, name: Any, value: Any, priority: int | str = "project") -> None:
        """Set a value; a dict of components may be given as JSON."""
        is_dict = not self.frozen and isinstance(self[name], BaseSettings)
        with _naming_setting(name, None, "a JSON object") if is_dict else nullcontext():
            super().set(name, value, priority)

    def getbool(self, name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002 - Scrapy's signature
        """Return a setting as a boolean."""
        with _naming_setting(name, self[name], "true or false"):
            return super().getbool(name, default)

    def getint(self, name: str, default: int = 0) -> int:
        """Return a setting as a whole number."""
        with _naming_setting(name, self[name], "a whole number"):
            return super().getint(name, default)

    def getfloat(self, name: str, default: float = 0.0) -> float:
        """Return a setting as a number."""
        with _naming_setting(name, self[name], "a number"):
            return super().getfloat(name, default)

    def getdict(
        self, name: str, default: dict[Any, Any] | None = None
    ) -> dict[Any, Any]:
        """Return a setting as a dict, which may be given as JSON."""
        with _naming_setting(name, None, "a JSON object"):
            return super().getdict(name, default)

    def require_usable(self) -> None:
        """Refuse values on which Scrapy would fail when it reads them.

        Raises:
            WrongValueError: One has a type that Scrapy does not take, or is impossible.
        """
        for name, value in self.items():
            if name in _CODES:
                with _naming_setting(name, value, "HTTP codes"):
                    for code in self.getlist(name):
                        int(str(code))
            elif value is not None and (read := self._reading(name)) is not None:
                read(name)
            self._require_possible(name, value)

    def _require_possible(self, name: str, value: object) -> None:
        """Refuse a value of the right type with which a crawl cannot work."""
        if name in _SLOTS:
            with _naming_setting(name, value, "1 or more"):
                _require_least(1, self.getint(name))
        elif name in _WAITS:
            with _naming_setting(name, value, "a number of seconds from 0 on"):
                _require_least(0, self.getfloat(name))
        elif name in _CLASSES and value not in (None, getattr(default_settings, name)):
            with _naming_setting(
                name, value, "the path of a class that can be imported"
            ):
                _require_class(value)

    def _reading(self, name: str) -> Callable[[str], object] | None:
        """Return how Scrapy reads a setting, or None if it accepts any value."""
        if name in _WAITS:
            return self.getfloat
        if name in _SWITCHES:
            return self.getbool
        readings: dict[type, Callable[[str], object]] = {
            bool: self.getbool,
            int: self.getint,
            float: self.getfloat,
        }
        # by `vars`, because reading a deprecated default as an attribute warns
        return readings.get(type(vars(default_settings).get(name)))


def check_values(values: Mapping[str, object], /) -> None:
    """Refuse settings of a crawl that Scrapy cannot use.

    Raises:
        ConfigError: Scrapy cannot use one of them, or it is a setting of the run.
    """
    for message in unread_settings(values):
        raise ConfigError(message)
    settings = CrawlSettings()
    settings.setdict(values, priority="cmdline")
    settings.require_usable()
    read_flush(settings)


def _require_least(least: float, value: float) -> None:
    # written so that NaN is refused: every comparison with it is false
    if not least <= value < math.inf:
        raise ValueError(value)


def _require_class(path: Any) -> None:
    try:
        load_object(path)
    except (ImportError, NameError) as error:
        raise ValueError(path) from error


@contextmanager
def _naming_setting(name: object, value: object, expected: str) -> Iterator[None]:
    """Turn errors in reading a setting into errors that name the setting.

    Args:
        name: The setting.
        value: The value to show, or None to show none: a dict may contain secrets.
        expected: What the value should be.
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        if isinstance(error, WrongValueError):
            raise
        shown = "" if value is None else f" {value!r},"
        msg = f"the setting {name} of the crawl is{shown} not {expected}"
        raise WrongValueError(msg) from error
