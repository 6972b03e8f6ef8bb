"""Python values as the text that PostgreSQL and JSON would write."""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from decimal import Decimal
from typing import Any

from propload.values.python_values import IMMUTABLE_TYPES, NATIVE_TYPES, Json, to_native

#: A float represents all integers up to this absolute value exactly.
EXACT_IN_FLOAT = 2**53
#: The text of the one integral float that is not written as an integer.
NEGATIVE_ZERO = "-0.0"
#: What the text of the other integral floats contains, and that of some others (1.05).
WHOLE_FLOAT = ".0"
#: Types that JSON has syntax for.
_OF_JSON = frozenset({dict, list, int, float, bool, str, type(None)})
#: Types of which a value may hold objects.
_CONTAINERS = (dict, list, tuple)
#: The types of keys that JSON does not change.
_TEXT_ALONE = frozenset({str})
#: Marks a string in JSON that is to become a number with all its digits; it is random,
#: so that no text begins with it by chance.
NUMBER_MARK = f"propload:{secrets.token_hex(16)}:"
MARKED_NUMBER = re.compile(f'"{NUMBER_MARK}([^"]+)"')
#: NumPy's floats of fewer than 64 bits, and the bound to which integers are exact.
_SMALL_FLOATS = {"float16": 2**11, "float32": 2**24}


def independent_copy(value: Any) -> Any:
    """Return an equivalent value that does not change when the one given is changed.

    Raises:
        TypeError: It is not a value.
    """
    if type(value) in IMMUTABLE_TYPES:
        return value
    native = to_native(value)
    if type(native) is list:
        native = [
            one if type(one) in NATIVE_TYPES else to_native(one) for one in native
        ]
        if IMMUTABLE_TYPES.issuperset(map(type, native)):
            return native
    return Json(as_text(native)) if type(native) in (dict, list) else native


def column_text(value: Any) -> str:
    """Return a value as text for a text column; datetimes as frames write them.

    Raises:
        OverflowError: A datetime, converted to UTC, is outside the years of Python.
    """
    if not isinstance(value, dt.datetime):
        return as_text(value)
    in_utc = value if value.tzinfo is None else value.astimezone(dt.UTC)
    return in_utc.isoformat(sep=" ", timespec="microseconds")


def as_text(value: Any) -> str:
    """Return a value as the text that PostgreSQL and JSON would write.

    Raises:
        ValueError: Two keys of an object have the same text, such as 1 and "1".
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        _refuse_duplicate_keys(value)
        text = _ENCODER.encode(value)
        if WHOLE_FLOAT in text:
            # an integer among floats came as a float (1.0): write it as an integer
            text = _ENCODER.encode(_with_whole_numbers(value))
        return MARKED_NUMBER.sub(r"\1", text) if NUMBER_MARK in text else text
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, float):
        value = _as_whole(value)
    return _span_text(value) if isinstance(value, dt.timedelta) else str(value)


def _as_whole(value: float) -> float:
    """Return an integral float as an int, as PostgreSQL writes it; others unchanged."""
    is_whole = abs(value) <= EXACT_IN_FLOAT and value.is_integer()
    return int(value) if is_whole and str(value) != NEGATIVE_ZERO else value


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, float):
        return _as_whole(value)
    if isinstance(value, dict):
        return {name: _with_whole_numbers(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_with_whole_numbers(one) for one in value]
    return value


def _refuse_duplicate_keys(value: Any) -> None:
    """Refuse an object for which JSON would have a key twice, losing a value.

    Raises:
        ValueError: The value is or contains such an object.
    """
    inner = value
    if isinstance(value, dict):
        inner = value.values()
        if not _TEXT_ALONE.issuperset(map(type, value)):
            _refuse_duplicates(list(value))
    if not IMMUTABLE_TYPES.issuperset(map(type, inner)):
        for one in inner:
            if isinstance(one, _CONTAINERS):
                _refuse_duplicate_keys(one)


def _refuse_duplicates(keys: list[Any]) -> None:
    names = [
        key if isinstance(key, str) else json.dumps(key, default=str) for key in keys
    ]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        msg = (
            f"an object has the key {duplicate!r} twice, as a text and as another value"
        )
        raise ValueError(msg)


def _span_text(value: dt.timedelta) -> str:
    """Return a duration as `prepare.casting.text_out` does, for PostgreSQL to read."""
    sign = "-" if value < dt.timedelta(0) else ""
    minutes, rest = divmod(abs(value), dt.timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest.microseconds:06}".rstrip("0") if rest.microseconds else ""
    return f"PT{sign}{hours}H{sign}{minutes}M{sign}{rest.seconds}{fraction}S"


def _jsonable(value: Any) -> Any:
    native = (
        _short(value) if type(value).__name__ in _SMALL_FLOATS else to_native(value)
    )
    if isinstance(native, Decimal) and native.is_finite():
        # JSON's encoder has no decimals: write a text whose mark is removed later
        return f"{NUMBER_MARK}{native}"
    return native if type(native) in _OF_JSON else as_text(native)


def _short(value: Any) -> float:
    """Return a NumPy float of few bits as its shortest text reads.

    That is 0.1 and not 0.10000000149011612, as `prepare.casting.text_out` writes it.
    """
    is_whole = abs(value) >= _SMALL_FLOATS[type(value).__name__]
    return float(value) if is_whole else float(str(value))


#: Made once: a new encoder for each value takes a third of the time.
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_jsonable)
