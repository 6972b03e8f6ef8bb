"""Python values of any type as the few types that a column can be made of."""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections import UserList, deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    ValuesView,
)
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache, partial
from numbers import Number
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType
from typing import Any

from propload.messages.wording import with_article


class Json(str):
    """The JSON text of a dict or list, made of it before it could change."""

    __slots__ = ()


#: Digits of the widest decimal that COPY is given: those of Arrow's decimal128.
DECIMAL_DIGITS = 38
#: Every whole number up to this has a float of the same value.
EXACT_IN_FLOAT = 2**53
#: The one whole float that is no whole number.
NEGATIVE_ZERO = "-0.0"
#: What the texts of other whole floats have, and of some that are none.
WHOLE_FLOAT = ".0"

_SEVERAL = (tuple, set, frozenset, range, deque, KeysView, ValuesView)
#: Bytes that may change.
_BUFFERS = (bytearray, memoryview)
#: Types whose descendants mean what they do; each before those that it descends from.
_BASES = (str, bool, int, float, bytes, *_BUFFERS, dt.datetime, dt.date)
#: What JSON has words of its own for.
_OF_JSON = frozenset({dict, list, int, float, bool, str, type(None)})
#: Before a number that JSON holds with all its digits; no text begins so by chance.
NUMBER_MARK = f"propload:{secrets.token_hex(16)}:"
MARKED_NUMBER = re.compile(f'"{NUMBER_MARK}([^"]+)"')
#: What pandas calls a value that is missing.
_MISSING = frozenset({"NAType", "NaTType"})
#: NumPy's floats of fewer than 64 bits, and up to where each holds all whole numbers.
_SMALL_FLOATS = {"float16": 2**11, "float32": 2**24}
#: What frames of rows have besides `columns`, the lazy ones the second.
_OF_FRAMES = ("__arrow_c_stream__", "collect_schema")
#: What is called for the value that it returns.
_CALLED = (FunctionType, MethodType, BuiltinFunctionType, MethodWrapperType, partial)
#: The types that `columns` builds from; any other is made one of these first.
KNOWN = frozenset(
    {
        type(None),
        str,
        int,
        float,
        bool,
        bytes,
        Decimal,
        dt.date,
        dt.datetime,
        dt.time,
        dt.timedelta,
        dict,
        list,
        Json,
    }
)
#: Those of them that only JSON says.
NESTED = frozenset({dict, list, Json})


#: Those of them that do not change, and are kept as they are.
SETTLED = KNOWN - {dict, list}


#: What spreadsheets show where a formula gave no value, by calamine's names.
FORMULA_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}


def row_of(item: object) -> dict[str, Any] | None:  # noqa: PLR0911 - one a kind
    """Return the fields of an item, or None where it is nothing with fields.

    Args:
        item: A mapping (also a Scrapy item), dataclass, attrs or pydantic
            object, a named tuple, or a row of a database (sqlite3, SQLAlchemy).
    """
    if isinstance(item, dict):
        return item
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, type):
        return None
    if is_dataclass(item):
        return {field.name: getattr(item, field.name) for field in fields(item)}
    kind: Any = type(item)
    if hasattr(kind, "model_fields") and hasattr(kind, "model_dump"):
        return dict(kind.model_dump(item))
    if hasattr(kind, "__attrs_attrs__"):
        return {field.name: getattr(item, field.name) for field in kind.__attrs_attrs__}
    if hasattr(kind, "_asdict"):
        return dict(kind._asdict(item))
    # what databases give; a series is a row in some programs and a column in others
    of_library = kind.__module__.partition(".")[0] in _OF_LIBRARIES
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__") and not of_library:
        found: Any = item
        return dict(found)
    return None


def plain(value: Any) -> Any:  # noqa: PLR0911 - one a kind
    """Return a value of one of the types in `KNOWN` that says the same.

    Raises:
        TypeError: It is no value, as a generator, a method or a selector is none.
    """
    if type(value) in KNOWN:
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    of_library = _OF_LIBRARIES.get(type(value).__module__.partition(".")[0])
    if of_library is not None:
        return of_library(value)
    fields_of_value = row_of(value)
    if fields_of_value is not None:
        # a Counter is none of KNOWN: it would be a text, and could change
        return dict(fields_of_value)
    if isinstance(value, _SEVERAL):
        return _elements(value)
    for kind in _BASES:
        if isinstance(value, kind):
            return _downcast(value, kind)
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return _of_numpy(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return _of_any(value)


def _elements(values: Iterable[Any]) -> list[Any]:
    """Return what is in a list, or in a set in an order that every process finds.

    Of texts a set has another one in each: a row would be another one each time.
    """
    if not isinstance(values, set | frozenset):
        return list(values)
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


def settled(value: Any) -> Any:
    """Return a value that says the same whatever becomes of the one that was given.

    Raises:
        TypeError: It is no value.
    """
    if type(value) in SETTLED:
        return value
    found = plain(value)
    if type(found) is list:
        found = [one if type(one) in KNOWN else plain(one) for one in found]
        if SETTLED.issuperset(map(type, found)):
            return found
    return Json(as_text(found)) if type(found) in (dict, list) else found


def _of_any(value: Any) -> Any:
    """Return a list as one, and anything else as the text that its class gives it.

    Raises:
        TypeError: It has no text of its own: something else was meant, or its class
            cannot say what it is.
    """
    kind: type = type(value)
    own_text: object = kind.__str__
    instead = _instead(kind)
    if not instead and isinstance(value, list | UserList):
        return list(value)
    if not instead and own_text is object.__str__ and not issubclass(kind, Number):
        instead = "give a number or a text, or its class a __str__"
    if instead:
        msg = f"{with_article(kind.__name__)} is not a value: {instead}"
        raise TypeError(msg)
    try:
        return str(value)
    except Exception as error:
        # a user's class may raise anything
        msg = f"{with_article(kind.__name__)} has no text: it raised {error!r}"
        raise TypeError(msg) from error


@lru_cache
def _instead(kind: type) -> str:
    """Return what to give instead of an object that leads to a value and is none.

    Args:
        kind: Its type.
    """
    libraries = {base.__module__.partition(".")[0] for base in kind.__mro__}
    if "parsel" in libraries:
        return "call .get() or .getall()"
    if issubclass(kind, Awaitable | AsyncIterator):
        return "await it"
    if issubclass(kind, Iterator):
        return "make a list of it"
    if hasattr(kind, "columns") and any(hasattr(kind, name) for name in _OF_FRAMES):
        return "give its rows as dicts"
    if issubclass(kind, _CALLED):
        return "call it"
    is_called = any("__call__" in vars(base) for base in kind.__mro__)
    return "give the number or text in it" if is_called else ""


def _of_pandas(value: Any) -> Any:
    if type(value).__name__ in _MISSING:
        return None
    if hasattr(value, "to_pydatetime") and not value.nanosecond:
        return value.to_pydatetime()
    if hasattr(value, "to_pydatetime"):
        return value.isoformat()
    if hasattr(value, "to_pytimedelta") and not value.nanoseconds:
        return value.to_pytimedelta()
    # its times hold more than Python's: their text says all
    return plain(value.tolist()) if hasattr(value, "tolist") else _of_any(value)


def _of_arrow(value: Any) -> Any:
    """Return a series or array as a list, and a scalar as the Python value of it."""
    kind: type = type(value)
    for name in ("to_list", "to_pylist", "as_py"):
        if hasattr(value, name) and not _instead(kind):
            return plain(getattr(value, name)())
    return _of_any(value)


#: What makes values of them, by the library of their type.
_OF_LIBRARIES: dict[str, Callable[[Any], Any]] = {
    "pandas": _of_pandas,
    "polars": _of_arrow,
    "pyarrow": _of_arrow,
}


def _of_numpy(value: Any) -> Any:
    """Return a NumPy scalar as the Python value of it, or as text where none is it."""
    if value.dtype.kind == "c":
        # PostgreSQL has no complex numbers: text, as that of Python's own
        return str(value.item())
    if value != value:  # noqa: PLR0124 - a time that is none, or NaN
        return None if value.dtype.kind in "mM" else float(value)
    if value.dtype.kind in "mM":
        in_microseconds = value.astype(f"{value.dtype.kind}8[us]")
        return in_microseconds.item() if in_microseconds == value else str(value)
    found = value.item()
    if type(found) in KNOWN:
        return found
    return float(found) if found == float(found) else str(found)


def _downcast(value: Any, kind: type) -> Any:
    if kind is dt.datetime:
        return dt.datetime.combine(value.date(), value.timetz())
    if kind is dt.date:
        return dt.date(value.year, value.month, value.day)
    if kind is str:
        return str.__str__(value)
    return bytes(value) if kind in _BUFFERS else kind(value)


def column_text(value: Any) -> str:
    """Return a value as the text of a column: as frames of its like write theirs.

    Raises:
        OverflowError: A moment of UTC has no year that Python knows.
    """
    if not isinstance(value, dt.datetime):
        return as_text(value)
    in_utc = value if value.tzinfo is None else value.astimezone(dt.UTC)
    return in_utc.isoformat(sep=" ", timespec="microseconds")


def as_text(value: Any) -> str:
    """Return a value as the text that PostgreSQL and JSON would write.

    Raises:
        ValueError: Two names in an object are of one text, 1 and "1".
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        _refuse_same_names(value)
        text = json.dumps(value, ensure_ascii=False, default=_jsonable)
        if WHOLE_FLOAT in text:
            # a whole number that came with floats is one: its text must not tell
            told = _with_whole_numbers(value)
            text = json.dumps(told, ensure_ascii=False, default=_jsonable)
        return MARKED_NUMBER.sub(r"\1", text) if NUMBER_MARK in text else text
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, float):
        value = _as_whole(value)
    return _span_text(value) if isinstance(value, dt.timedelta) else str(value)


def _as_whole(value: float) -> float:
    """Return a whole float as the whole number that it is, as PostgreSQL writes it."""
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


def _refuse_same_names(value: Any) -> None:
    """Refuse an object in which JSON would write a name twice, which loses a value.

    Raises:
        ValueError: It is one, or there is one in it.
    """
    inner = value
    if isinstance(value, dict):
        inner = value.values()
        if not set(map(type, value)) <= {str}:
            _refuse_same_keys(list(value))
    if any(issubclass(kind, dict | list | tuple) for kind in set(map(type, inner))):
        for one in inner:
            if isinstance(one, dict | list | tuple):
                _refuse_same_names(one)


def _refuse_same_keys(keys: list[Any]) -> None:
    names = [
        key if isinstance(key, str) else json.dumps(key, default=str) for key in keys
    ]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        msg = f"an object has the key {twice!r} twice, as a text and as another value"
        raise ValueError(msg)


def _span_text(value: dt.timedelta) -> str:
    """Return a span as `prepare.text_out` writes it, which PostgreSQL reads."""
    sign = "-" if value < dt.timedelta(0) else ""
    minutes, rest = divmod(abs(value), dt.timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest.microseconds:06}".rstrip("0") if rest.microseconds else ""
    return f"PT{sign}{hours}H{sign}{minutes}M{sign}{rest.seconds}{fraction}S"


def _jsonable(value: Any) -> Any:
    found = _short(value) if type(value).__name__ in _SMALL_FLOATS else plain(value)
    if isinstance(found, Decimal) and found.is_finite():
        # the encoder writes no digits but those of a float; the marks are taken off
        return f"{NUMBER_MARK}{found}"
    return found if type(found) in _OF_JSON else as_text(found)


def _short(value: Any) -> float:
    """Return a small float as `prepare.text_out` does: 0.1, not 0.10000000149011612."""
    is_whole = abs(value) >= _SMALL_FLOATS[type(value).__name__]
    return float(value) if is_whole else float(str(value))
