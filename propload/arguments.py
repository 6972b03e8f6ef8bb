"""Validation of arguments of public functions that are not settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real

import pyarrow as pa

from propload.batch import Batch, Unread
from propload.errors import ConfigError
from propload.messages.wording import counted, with_article


def require_mapping(name: str, value: object, /) -> None:
    """Check that an argument is a mapping.

    Raises:
        ConfigError: It is not.
    """
    if not isinstance(value, Mapping):
        msg = f"{name}: {_kind(value)} has no names and values: pass a dict of them"
        raise ConfigError(msg)


def require_function(name: str, value: object, /) -> None:
    """Check that an argument can be called.

    Raises:
        ConfigError: It cannot.
    """
    if not callable(value):
        msg = f"{name}: {_kind(value)} cannot be called: pass a function"
        raise ConfigError(msg)


def require_event(name: str, value: object, /) -> None:
    """Check that an argument is an event, of `threading` or `multiprocessing`.

    Raises:
        ConfigError: It is not.
    """
    if not (hasattr(value, "is_set") and hasattr(value, "wait")):
        event = "pass a threading.Event()"
        msg = f"{name}: {_kind(value)} cannot be waited for: {event}"
        raise ConfigError(msg)


def require_seconds(name: str, value: object, /) -> None:
    """Check that an argument is a number of seconds, which may be infinite or negative.

    Raises:
        ConfigError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        msg = f"{name}: {value!r} is not a number of seconds"
        raise ConfigError(msg)


def require_count(name: str, value: object, /) -> None:
    """Check that an argument is a whole number, 1 or more.

    Raises:
        ConfigError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        msg = f"{name} is {value!r}: give a whole number, 1 or more"
        raise ConfigError(msg)


def require_sound(batch: Batch, /) -> None:
    """Check the parts of a batch that a program has made.

    Otherwise a journal would take what no load or recovery can read.

    Raises:
        ConfigError: One of them has the wrong type, or there are not as many numbers
            as rows.
    """
    rows, numbers = batch.rows, batch.row_numbers
    if type(rows) is not pa.RecordBatch:
        msg = f"the rows of a Batch are {_kind(rows)}: pass a pyarrow.RecordBatch"
        raise ConfigError(msg)
    _require_row_number(batch.first_row)
    for one in batch.unread:
        _require_unread(one)
    if numbers is not None and len(numbers) != rows.num_rows:
        msg = (
            f"row_numbers of a Batch has {counted(len(numbers), 'number')} for "
            f"{counted(rows.num_rows, 'row')}: give one for each, or None"
        )
        raise ConfigError(msg)


def _require_unread(value: object) -> None:
    if not isinstance(value, Unread):
        msg = f"unread of a Batch holds {_kind(value)}: pass propload.Unread objects"
        raise ConfigError(msg)
    _require_row_number(value.row)


def _require_row_number(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral):
        msg = f"a row of a Batch has the number {value!r}: give a whole number"
        raise ConfigError(msg)


def _kind(value: object) -> str:
    return with_article(type(value).__name__)
