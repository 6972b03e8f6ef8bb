"""Hints of a check on columns that a mapping would make more useful."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from propload.messages.wording import listed
from propload.prepare.parsers import parse_date
from propload.values.formula_errors import FORMULA_ERRORS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: How many values of a column are examined.
SAMPLE_ROWS = 1_000
#: The share of values that must match a parser's pattern. Half is enough where values
#: have a mark of their own (€, m², a date's separators); plain numbers need more, as
#: most house numbers are numbers, too.
MOSTLY = {"money": 0.5, "area": 0.5, "number": 0.9, "date": 0.5}
#: The most columns that a note lists.
COLUMNS_LISTED = 8
#: The most rules that a note gives as examples.
RULES_LISTED = 3

# [0-9], as \d also matches digits of other scripts, which no parser reads
_NUMBER = r"-?(?:[1-9][0-9]{0,2}(?:[.,][0-9]{3})+|0|[1-9][0-9]*)(?:[.,][0-9]+)?"
#: Numbers that type inference recognizes without a mapping.
_PLAIN = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$"
_CURRENCY = r"(?:€|\$|£|zł|EUR|USD|GBP|PLN|CHF)"
#: Parsers of a mapping, and patterns of the texts that they read. Numbers with leading
#: zeros do not match, as they are telephone numbers and postal codes.
_PARSERS = {
    "money": rf"^(?:{_CURRENCY}\s*{_NUMBER}|{_NUMBER}\s*{_CURRENCY})(?:\D.*)?$",
    "area": rf"^{_NUMBER}\s*(?:m²|m2|ha)$",
    "number": rf"^{_NUMBER}$",
    "date": r"^(?:[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})$",
}
#: Dates that are read without `formats`, unless the column also has others.
_ISO_DATE = r"^\d{4}"
#: What a date with the name of a month consists of; more is prose.
_LIKELY_DATE = r"^[\p{L}., -]{0,20}[0-9][0-9\p{L}., -]{6,30}$"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class _Hint:
    """What the values of one column look like.

    Attributes:
        column: Its name.
        rule: The rule of a mapping file that would read them.
        example: One of the values.
        odd: A value that keeps the column from being inferred as numbers, or None if
            the column needs a mapping.
    """

    column: str
    rule: str
    example: str
    odd: str | None = None

    def __str__(self) -> str:
        if self.odd is not None:
            return f"{self.column} ({self.odd!r})"
        return f"{_key(self.column)} = {{ {self.rule} }} for {self.example!r}"


def text_hints(frame: pl.DataFrame, columns: Collection[str], /) -> list[str]:
    """Return notes on text columns that look as if they should have another type.

    Args:
        frame: Rows as they were read.
        columns: The columns whose type was inferred to be text.
    """
    hints = [_find_hint(frame.get_column(name)) for name in columns]
    mapped = [str(one) for one in hints if one is not None and one.odd is None]
    mixed = [str(one) for one in hints if one is not None and one.odd is not None]
    notes = []
    if mapped:
        names = listed(mapped, COLUMNS_LISTED)
        notes.append(f"a mapping (--mapping FILE) can convert columns of text: {names}")
    if mixed:
        names = listed(mixed, COLUMNS_LISTED)
        notes.append(
            f"a few values turn columns of numbers into text: {names}. If "
            "they mean null, name them (--null-words WORD,...)"
        )
    return notes


def object_hints(frame: pl.DataFrame, columns: Collection[str], /) -> list[str]:
    """Return a note on how to load what objects hold as columns; empty without any.

    Args:
        frame: Rows as they were read.
        columns: The columns that hold JSON.
    """
    rules = []
    for name in columns:
        first = frame.get_column(name).drop_nulls().head(1)
        path = _path_of_value(json.loads(first[0])) if len(first) else []
        if any(not step.isdecimal() for step in path):
            origin, within = _text(name), _text(".".join(path))
            rules.append(f"{_key(path[-1])} = {{ from = {origin}, path = {within} }}")
    if not rules:
        return []
    shown = listed(rules, RULES_LISTED)
    return [f"a mapping (--mapping FILE) can load what objects hold: {shown}"]


def _path_of_value(value: object) -> list[str]:
    """Return the path to the first number or text in a value; empty if it has none."""
    members: Iterable[tuple[str, object]] = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = [("0", one) for one in value[:1]]
    nested = []
    for name, inner in members:
        if not isinstance(inner, dict | list):
            return [name]
        nested.append((name, inner))
    paths = ([name, *path] for name, inner in nested if (path := _path_of_value(inner)))
    return next(paths, [])


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _find_hint(column: pl.Series) -> _Hint | None:
    """Return what most values of a column look like, or None if no pattern matches."""
    values = column.drop_nulls()
    values = values.filter(~values.is_in(["", *FORMULA_ERRORS.values()]))
    sample = values.head(SAMPLE_ROWS)
    for parser, pattern in _PARSERS.items():
        alike = _match(sample, pattern).sum()
        if alike and alike >= MOSTLY[parser] * len(sample):
            return _make_hint(values, parser, pattern)
    return _named_date_hint(sample)


def _named_date_hint(sample: pl.Series) -> _Hint | None:
    """Return what reads a column of dates with names of months, in any language."""
    least = max(1, MOSTLY["date"] * len(sample))
    # to look for names of months takes long in columns of prose
    likely = sample.filter(sample.str.contains(_LIKELY_DATE))
    if len(likely) < least:
        return None
    days = likely.to_frame().select(parse_date(pl.first())).to_series()
    read = likely.filter(days.is_not_null())
    return _Hint(sample.name, 'parse = "date"', read[0]) if len(read) >= least else None


def _make_hint(values: pl.Series, parser: str, pattern: str) -> _Hint | None:
    alike = _match(values, pattern)
    read, odd = values.filter(alike), values.filter(~alike)
    rule = f'parse = "{parser}"'
    if parser == "date":
        read = read.str.strip_chars()
        iso = read.str.contains(_ISO_DATE)
        others, also = read.filter(~iso), ', "%Y-%m-%d"' if iso.any() else ""
        if others.is_empty():
            return _Hint(values.name, rule, read[0])
        formats = _formats(others, also)
        return _Hint(values.name, f"{rule}, formats = {formats}", others[0])
    if parser == "number":
        # a mapping is needed for commas, surrounding space and grouped thousands
        written = read.filter(~read.str.contains(_PLAIN))
        if written.is_empty():
            # without an odd value, no numeric type holds all digits, or it is a key
            return _Hint(values.name, rule, read[0], odd[0]) if len(odd) else None
        read = written
    return _Hint(values.name, rule, read[0])


def _match(values: pl.Series, pattern: str) -> pl.Series:
    # parsers ignore space around a value
    return values.str.strip_chars().str.contains(pattern)


def _formats(dates: pl.Series, also: str) -> str:
    """Return the formats of dates; two alternatives if days and months cannot be told.

    Args:
        dates: Dates that end with the year.
        also: The rest of the list of formats.
    """
    mark = dates[0].lstrip("0123456789")[0]
    parts = [dates.str.extract(rf"^{before}(\d+)") for before in ("", r"\d+\D")]
    first, second = (int(str(part.cast(pl.Int64).max())) for part in parts)
    ways = [f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"]
    ways = ways[:1] if first > _MONTHS else ways[1:] if second > _MONTHS else ways
    return " or ".join(f'["{way}"{also}]' for way in ways)
