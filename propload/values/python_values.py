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

_COLLECTIONS = (tuple, set, frozenset, range, deque, KeysView, ValuesView)
#: Mutable bytes.
_BUFFERS = (bytearray, memoryview)
#: Types to which values of subclasses are converted; each precedes its own base.
_BASES = (str, bool, int, float, bytes, *_BUFFERS, dt.datetime, dt.date)
#: Types of missing values in pandas.
_MISSING = frozenset({"NAType", "NaTType"})
#: Frames have `columns` and one of these; lazy ones have the second.
_FRAME_ATTRIBUTES = ("__arrow_c_stream__", "collect_schema")
#: Functions and methods; their result was probably meant.
_CALLABLES = (FunctionType, MethodType, BuiltinFunctionType, MethodWrapperType, partial)
#: The types from which `columns` builds; others are converted to one of these first.
NATIVE_TYPES = frozenset(
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
IMMUTABLE_TYPES = NATIVE_TYPES - {dict, list}


def row_of(item: object) -> dict[str, Any] | None:  # noqa: PLR0911 - one return per kind
    """Return the fields of an item, or None if it has no fields.

    Args:
        item: A mapping (also a Scrapy item), dataclass, attrs, pydantic or msgspec
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
    if hasattr(kind, "__struct_fields__"):  # of msgspec
        return {name: getattr(item, name) for name in kind.__struct_fields__}
    if hasattr(kind, "_asdict"):
        return dict(kind._asdict(item))
    # rows of databases, but not series, which may be a row or a column
    of_library = kind.__module__.partition(".")[0] in _LIBRARY_CONVERTERS
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__") and not of_library:
        row: Any = item
        return dict(row)
    return None


def to_native(value: Any) -> Any:  # noqa: PLR0911 - one return per kind
    """Return an equivalent value of one of the types in `NATIVE_TYPES`.

    Raises:
        TypeError: It is not a value but, for instance, a generator, method or selector.
    """
    if type(value) in NATIVE_TYPES:
        return value
    if isinstance(value, Enum):
        return to_native(value.value)
    convert = _LIBRARY_CONVERTERS.get(type(value).__module__.partition(".")[0])
    if convert is not None:
        return convert(value)
    fields_of_value = row_of(value)
    if fields_of_value is not None:
        # a Counter would become text, as its type is not native, and is mutable
        return dict(fields_of_value)
    if isinstance(value, _COLLECTIONS):
        return _elements(value)
    for kind in _BASES:
        if isinstance(value, kind):
            return _downcast(value, kind)
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return _from_numpy(value)
    if hasattr(value, "tolist"):
        return to_native(value.tolist())
    return _from_any(value)


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


def _from_any(value: Any) -> Any:
    """Return an instance of a subclass of list as a list, and other objects as `str()`.

    Raises:
        TypeError: Its class has no `__str__` of its own, or one that raises; or it is
            an object from which something else was probably meant to be taken.
    """
    kind: type = type(value)
    own_text: object = kind.__str__
    advice = _conversion_advice(kind)
    if not advice and isinstance(value, list | UserList):
        return list(value)
    if not advice and own_text is object.__str__ and not issubclass(kind, Number):
        advice = "give a number or a text, or its class a __str__"
    if advice:
        msg = f"{with_article(kind.__name__)} is not a value: {advice}"
        raise TypeError(msg)
    try:
        return str(value)
    except Exception as error:
        # the user's class may raise anything
        msg = f"{with_article(kind.__name__)} has no text: it raised {error!r}"
        raise TypeError(msg) from error


@lru_cache
def _conversion_advice(kind: type) -> str:
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
    if hasattr(kind, "columns") and any(
        hasattr(kind, name) for name in _FRAME_ATTRIBUTES
    ):
        return "give its rows as dicts"
    if issubclass(kind, _CALLABLES):
        return "call it"
    is_called = any("__call__" in vars(base) for base in kind.__mro__)
    return "give the number or text in it" if is_called else ""


def _from_pandas(value: Any) -> Any:
    if type(value).__name__ in _MISSING:
        return None
    if hasattr(value, "to_pydatetime") and not value.nanosecond:
        return value.to_pydatetime()
    if hasattr(value, "to_pydatetime"):
        return value.isoformat()
    if hasattr(value, "to_pytimedelta") and not value.nanoseconds:
        return value.to_pytimedelta()
    # pandas' times are more precise than Python's: their text keeps the nanoseconds
    return to_native(value.tolist()) if hasattr(value, "tolist") else _from_any(value)


def _from_arrow(value: Any) -> Any:
    """Return a series or array as a list, and a scalar as its Python value."""
    kind: type = type(value)
    for name in ("to_list", "to_pylist", "as_py"):
        if hasattr(value, name) and not _conversion_advice(kind):
            return to_native(getattr(value, name)())
    return _from_any(value)


#: Converters for the values of libraries, by the top-level module of their type.
_LIBRARY_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "pandas": _from_pandas,
    "polars": _from_arrow,
    "pyarrow": _from_arrow,
}


def _from_numpy(value: Any) -> Any:
    """Return a NumPy scalar as the Python value equal to it, or as text without one."""
    if value.dtype.kind == "c":
        # PostgreSQL has no complex numbers: text, as for Python's complex
        return str(value.item())
    if value != value:  # noqa: PLR0124 - NaT or NaN
        return None if value.dtype.kind in "mM" else float(value)
    if value.dtype.kind in "mM":
        in_microseconds = value.astype(f"{value.dtype.kind}8[us]")
        return in_microseconds.item() if in_microseconds == value else str(value)
    native = value.item()
    if type(native) in NATIVE_TYPES:
        return native
    return float(native) if native == float(native) else str(native)


def _downcast(value: Any, kind: type) -> Any:
    if kind is dt.datetime:
        return dt.datetime.combine(value.date(), value.timetz())
    if kind is dt.date:
        return dt.date(value.year, value.month, value.day)
    if kind is str:
        return str.__str__(value)
    return bytes(value) if kind in _BUFFERS else kind(value)
