"""What a check tells of columns of text that were perhaps meant to be other ones."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from propload.messages.wording import listed
from propload.values.formula_errors import FORMULA_ERRORS

if TYPE_CHECKING:
    from collections.abc import Collection

#: Enough to see what a column is made of.
LOOKED_AT = 1_000
#: So large a part of the values has to look alike: a sign of its own tells enough, but
#: house numbers are numbers too, but for a few.
MOSTLY = {"money": 0.5, "area": 0.5, "number": 0.9, "date": 0.5}
#: So many columns are told.
COLUMNS_TOLD = 8

# \d would be the digits of other scripts as well, which no parser reads
_NUMBER = r"-?(?:[1-9][0-9]{0,2}(?:[.,][0-9]{3})+|0|[1-9][0-9]*)(?:[.,][0-9]+)?"
#: What is a number as it stands, to the guess of types as well.
_PLAIN = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$"
_CURRENCY = r"(?:€|\$|£|zł|EUR|USD|GBP|PLN|CHF)"
#: The parsers of a mapping, and texts that they are for. Numbers with leading zeros are
#: telephones and postal codes.
_PARSERS = {
    "money": rf"^(?:{_CURRENCY}\s*{_NUMBER}|{_NUMBER}\s*{_CURRENCY})(?:\D.*)?$",
    "area": rf"^{_NUMBER}\s*(?:m²|m2|ha)$",
    "number": rf"^{_NUMBER}$",
    "date": r"^(?:[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})$",
}
#: Dates that are read without a rule, unless others among them need one.
_ISO_DATE = r"^\d{4}"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class _Hint:
    """What the values of one column look like.

    Attributes:
        column: Its name.
        rule: What would read them, as a mapping file has it.
        example: One of them.
        odd: The only kind of value that keeps the column from being one of numbers,
            or None where a mapping is needed.
    """

    column: str
    rule: str
    example: str
    odd: str | None = None

    def __str__(self) -> str:
        if self.odd is not None:
            return f"{self.column} ({self.odd!r})"
        name = self.column
        key = name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
        return f"{key} = {{ {self.rule} }} for {self.example!r}"


def text_hints(frame: pl.DataFrame, columns: Collection[str], /) -> list[str]:
    """Return what is said of columns of text that look like something else.

    Args:
        frame: Rows as they were read.
        columns: The columns of text whose type was guessed.
    """
    found = [_look(frame.get_column(name)) for name in columns]
    mapped = [str(one) for one in found if one is not None and one.odd is None]
    spoiled = [str(one) for one in found if one is not None and one.odd is not None]
    notes = []
    if mapped:
        names = listed(mapped, COLUMNS_TOLD)
        notes.append(f"a mapping (--mapping FILE) can convert columns of text: {names}")
    if spoiled:
        names = listed(spoiled, COLUMNS_TOLD)
        notes.append(
            f"a few values turn columns of numbers into text: {names}. If "
            "they mean null, name them (--null-words WORD,...)"
        )
    return notes


def _look(column: pl.Series) -> _Hint | None:
    """Return what most values of a column look like, or None where they differ."""
    values = column.drop_nulls()
    values = values.filter(~values.is_in(["", *FORMULA_ERRORS.values()]))
    sample = values.head(LOOKED_AT)
    for parser, pattern in _PARSERS.items():
        alike = _alike(sample, pattern).sum()
        if alike and alike >= MOSTLY[parser] * len(sample):
            return _told(values, parser, pattern)
    return None


def _told(values: pl.Series, parser: str, pattern: str) -> _Hint | None:
    alike = _alike(values, pattern)
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
        # commas, space around, and points that may group thousands need a mapping
        written = read.filter(~read.str.contains(_PLAIN))
        if written.is_empty():
            # with no odd one, no type of numbers keeps their digits, or they are a key
            return _Hint(values.name, rule, read[0], odd[0]) if len(odd) else None
        read = written
    return _Hint(values.name, rule, read[0])


def _alike(values: pl.Series, pattern: str) -> pl.Series:
    # parsers pass over space around a value
    return values.str.strip_chars().str.contains(pattern)


def _formats(dates: pl.Series, also: str) -> str:
    """Return how dates are written; both ways where days and months are both small.

    Args:
        dates: Those with the year at their end.
        also: What else is in the list of formats.
    """
    mark = dates[0].lstrip("0123456789")[0]
    parts = [dates.str.extract(rf"^{before}(\d+)") for before in ("", r"\d+\D")]
    first, second = (int(str(part.cast(pl.Int64).max())) for part in parts)
    ways = [f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"]
    ways = ways[:1] if first > _MONTHS else ways[1:] if second > _MONTHS else ways
    return " or ".join(f'["{way}"{also}]' for way in ways)
