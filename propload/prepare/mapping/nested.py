"""Values within the objects and lists of a column, found by their path.

A path is names, and positions in lists (from 0), joined by dots: `geo.lat`,
`photos.0.url`. A name may itself contain dots. A path that leads nowhere gives null.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from propload.batch import ROW
from propload.errors import ConfigError
from propload.values.columns import make_array
from propload.values.python_text import column_text
from propload.values.strict_json import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: JSONPath (`$.a`, `a[0]`) and JSON Pointer (`/a/0`); `$oid` is a usual name.
_OTHER_NOTATION = re.compile(r"""^\$(?:$|[.\[])|\[(?:\d+|\*|'.*'|".*")\]|^/""")
_NUMBERS = (int, float, Decimal)
#: Stands for a text that is not JSON.
INVALID = object()


@dataclass(frozen=True, slots=True)
class Nested:
    """What lies at one path in some columns.

    Attributes:
        rows: `ROW`, and the values of each column, named by the column and the path.
        names: The names of these columns.
        numbers: Which texts are numbers in the source, by the name.
        invalid: The rows with a text that is not JSON: `ROW` and `text`.
    """

    rows: pl.DataFrame
    names: list[str]
    numbers: dict[str, pl.Expr]
    invalid: pl.DataFrame


class NestedColumns:
    """What the columns of some rows hold, decoded once for all rules.

    Args:
        rows: Rows as read, with `ROW`.
    """

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows
        self._decoded: dict[str, list[Any]] = {}

    def at(self, path: str, names: Sequence[str]) -> Nested:
        """Return what lies at a path in each value of some columns."""
        columns = [self._rows.get_column(ROW)]
        numbers: dict[str, pl.Expr] = {}
        invalid = [self._invalid_texts(name) for name in names]
        for name in names:
            found = [value_at(value, path) for value in self.decoded(name)]
            column = pl.Series(f"{name}.{path}", make_array(found))
            columns.append(column)
            numbers[column.name] = pl.lit(_are_numbers(found))
        return Nested(
            rows=pl.DataFrame(columns),
            names=[column.name for column in columns[1:]],
            numbers=numbers,
            invalid=pl.concat(invalid).unique(ROW, keep="first", maintain_order=True),
        )

    def _invalid_texts(self, name: str) -> pl.DataFrame:
        """Return the rows whose text in a column is not JSON: `ROW` and the text."""
        is_invalid = [value is INVALID for value in self.decoded(name)]
        if not any(is_invalid):
            return self._rows.select(ROW, text=pl.lit("")).clear()
        rows = self._rows.select(ROW, text=pl.col(name).cast(pl.String))
        return rows.filter(pl.Series(is_invalid))

    def decoded(self, name: str) -> list[Any]:
        """Return the values of a column; `INVALID` for a text that is not JSON."""
        if name not in self._decoded:
            self._decoded[name] = _decode_column(self._rows.get_column(name))
        return self._decoded[name]


def _decode_column(column: pl.Series) -> list[Any]:
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return column.to_list()
    texts = column.cast(pl.String)
    values = {text: _decode(text) for text in texts.unique().drop_nulls()}
    return [None if text is None else values[text] for text in texts]


def _decode(text: str) -> Any:
    if not text.strip():
        return None
    try:
        value = STRICT.decode(text)
        if "\\u" in text:
            # half of a surrogate pair is no text
            column_text(value).encode()
    except (ValueError, RecursionError):
        return INVALID
    return value


def _are_numbers(values: Sequence[Any]) -> pl.Series:
    return pl.Series([type(v) in _NUMBERS for v in values], dtype=pl.Boolean)


def value_at(value: Any, path: str, /) -> Any:
    """Return what lies at a path in a value, or None if the path leads nowhere."""
    if isinstance(value, dict) and path in value:
        return value[path]
    found = value
    for name in path.split("."):
        # nearly always, no name contains a dot
        if isinstance(found, dict):
            found = found.get(name)
        else:
            found = found[int(name)] if has_member(found, name) else None
        if found is None:
            break
    if found is not None or "." not in path:
        return found
    return next((found for found in values_at(value, path) if found is not None), None)


def values_at(value: Any, path: str, /) -> Iterator[Any]:
    """Yield what lies at a path, once for each way to take its dots."""
    for name, rest in _first_steps(path):
        if has_member(value, name):
            inner = value[name] if isinstance(value, dict) else value[int(name)]
            if rest:
                yield from values_at(inner, rest)
            else:
                yield inner


def _first_steps(path: str) -> Iterator[tuple[str, str]]:
    """Yield each beginning of a path that may be one name, and what follows it."""
    end = path.find(".")
    while end >= 0:
        yield path[:end], path[end + 1 :]
        end = path.find(".", end + 1)
    yield path, ""


def has_member(value: Any, name: str, /) -> bool:
    """Return whether a value is an object with a name, or a list with a position."""
    if isinstance(value, list):
        return name.isdecimal() and int(name) < len(value)
    return isinstance(value, dict) and name in value


def read_path(written: object, /) -> str | None:
    """Return a path as a mapping gives it, or None for none.

    Raises:
        ConfigError: It is not names and positions joined by dots.
    """
    if written is None:
        return None
    if not isinstance(written, str) or not all(written.split(".")):
        msg = f"path {written!r} is not names and positions joined by dots (geo.lat)"
        raise ConfigError(msg)
    if _OTHER_NOTATION.search(written):
        msg = (
            f"path {written!r}: join names and positions by dots, such as geo.lat or "
            "photos.0.url"
        )
        raise ConfigError(msg)
    return written
