"""Converts Python values of any type to the few types from which columns are built."""

from __future__ import annotations

import datetime as dt
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
    """The JSON text of a dict or list, made before the object could change."""

    __slots__ = ()


#: Digits of the widest decimal that is sent by COPY: those of Arrow's decimal128.
DECIMAL_DIGITS = 38

_SEVERAL = (tuple, set, frozenset, range, deque, KeysView, ValuesView)
#: Mutable bytes.
_BUFFERS = (bytearray, memoryview)
#: Types to which values of subclasses are converted; each precedes its own base.
_BASES = (str, bool, int, float, bytes, *_BUFFERS, dt.datetime, dt.date)
#: Types of missing values in pandas.
_MISSING = frozenset({"NAType", "NaTType"})
#: Frames have `columns` and one of these; lazy ones have the second.
_OF_FRAMES = ("__arrow_c_stream__", "collect_schema")
#: Functions and methods; their result was probably meant.
_CALLED = (FunctionType, MethodType, BuiltinFunctionType, MethodWrapperType, partial)
#: The types from which `columns` builds; others are converted to one of these first.
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
#: Those of them that may need JSON.
NESTED = frozenset({dict, list, Json})
#: Those of them that are immutable, and are kept as they are.
SETTLED = KNOWN - {dict, list}


def row_of(item: object) -> dict[str, Any] | None:  # noqa: PLR0911 - one return per kind
    """Return the fields of an item, or None if it has no fields.

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
    # rows of databases, but not series, which may be a row or a column
    of_library = kind.__module__.partition(".")[0] in _OF_LIBRARIES
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__") and not of_library:
        found: Any = item
        return dict(found)
    return None


def plain(value: Any) -> Any:  # noqa: PLR0911 - one return per kind
    """Return an equivalent value of one of the types in `KNOWN`.

    Raises:
        TypeError: It is not a value but, for instance, a generator, method or selector.
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
        # a Counter is not of a type in KNOWN: it would become text, and is mutable
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
    """Return the elements as a list, those of a set in an order that is reproducible.

    The order of a set of texts differs between processes, and so would its row.
    """
    if not isinstance(values, set | frozenset):
        return list(values)
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


def _of_any(value: Any) -> Any:
    """Return an instance of a subclass of list as a list, and other objects as `str()`.

    Raises:
        TypeError: Its class has no `__str__` of its own, or one that raises; or it is
            an object from which something else was probably meant to be taken.
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
        # the user's class may raise anything
        msg = f"{with_article(kind.__name__)} has no text: it raised {error!r}"
        raise TypeError(msg) from error


@lru_cache
def _instead(kind: type) -> str:
    """Return advice for an object that is not a value but leads to one; empty if it is.

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
    # pandas' times are more precise than Python's: their text keeps the nanoseconds
    return plain(value.tolist()) if hasattr(value, "tolist") else _of_any(value)


def _of_arrow(value: Any) -> Any:
    """Return a series or array as a list, and a scalar as its Python value."""
    kind: type = type(value)
    for name in ("to_list", "to_pylist", "as_py"):
        if hasattr(value, name) and not _instead(kind):
            return plain(getattr(value, name)())
    return _of_any(value)


#: Converters for the values of libraries, by the top-level module of their type.
_OF_LIBRARIES: dict[str, Callable[[Any], Any]] = {
    "pandas": _of_pandas,
    "polars": _of_arrow,
    "pyarrow": _of_arrow,
}


def _of_numpy(value: Any) -> Any:
    """Return a NumPy scalar as the Python value equal to it, or as text without one."""
    if value.dtype.kind == "c":
        # PostgreSQL has no complex numbers: text, as for Python's complex
        return str(value.item())
    if value != value:  # noqa: PLR0124 - NaT or NaN
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
