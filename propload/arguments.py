"""Validation of arguments of public functions that are not settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real

from propload.errors import ConfigError
from propload.messages.wording import with_article


def require_mapping(name: str, given: object, /) -> None:
    """Check that an argument is a mapping.

    Raises:
        ConfigError: It is not.
    """
    if not isinstance(given, Mapping):
        msg = f"{name}: {_kind(given)} has no names and values: pass a dict of them"
        raise ConfigError(msg)


def require_function(name: str, given: object, /) -> None:
    """Check that an argument can be called.

    Raises:
        ConfigError: It cannot.
    """
    if not callable(given):
        msg = f"{name}: {_kind(given)} cannot be called: pass a function"
        raise ConfigError(msg)


def require_event(name: str, given: object, /) -> None:
    """Check that an argument is an event, of `threading` or `multiprocessing`.

    Raises:
        ConfigError: It is not.
    """
    if not (hasattr(given, "is_set") and hasattr(given, "wait")):
        event = "pass a threading.Event()"
        msg = f"{name}: {_kind(given)} cannot be waited for: {event}"
        raise ConfigError(msg)


def require_seconds(name: str, given: object, /) -> None:
    """Check that an argument is a number of seconds, which may be infinite or negative.

    Raises:
        ConfigError: It is not.
    """
    if isinstance(given, bool) or not isinstance(given, Real) or math.isnan(given):
        msg = f"{name}: {given!r} is not a number of seconds"
        raise ConfigError(msg)


def require_count(name: str, given: object, /) -> None:
    """Check that an argument is a whole number, 1 or more.

    Raises:
        ConfigError: It is not.
    """
    if isinstance(given, bool) or not isinstance(given, Integral) or given < 1:
        msg = f"{name} is {given!r}: give a whole number, 1 or more"
        raise ConfigError(msg)


def _kind(given: object) -> str:
    return with_article(type(given).__name__)
