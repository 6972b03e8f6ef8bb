"""JSON as its standard has it: a number, a name or a value that is lost is told.

Python's decoder takes NaN for a number, and of two fields of one name the last one. To
ask for each field would take twice the time, so names are counted in the text and in
what came of it, and only where these differ, a value is decoded again with care.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from propload.sources.text.chunking import byte_values

#: A number of up to 15 digits comes back from a float as it went in, unless its
#: exponent has three.
LONG_NUMBER = re.compile(r"\d[\d.]{15}|\d[eE][-+]?\d{3}")
#: A whole text, or a bracket.
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
#: A whole text, and the colon where it is a name.
_TEXT_AND_COLON = re.compile(rb'"(?:[^"\\]++|\\.)*+"[ \t\r\n]*+(:?)', re.DOTALL)
#: Characters that a message shows of where a text is wrong.
SHOWN = 30

_NO_COMMA = "Expecting ',' delimiter"
#: What Python's decoder complains of, as a reader would say it.
COMPLAINTS = {
    "Expecting value": "a value is missing or not JSON",
    "Expecting property name enclosed in double quotes": (
        "a name in double quotes is missing"
    ),
    "Expecting ':' delimiter": "a colon is missing",
    _NO_COMMA: "a comma is missing",
    "Unterminated string starting at": "there is no end to the text that begins",
    "Extra data": "there is more after the value",
    "Invalid control character at": "a control character is not escaped",
}


class _NotJsonError(ValueError):
    """A value that Python's decoder takes and JSON does not."""


@dataclass(frozen=True, slots=True)
class NoRow:
    """A value that cannot be a row.

    Attributes:
        text: As it stood.
        check: A short name of what is wrong.
        why: What is wrong with it.
    """

    text: str
    check: str
    why: str


def explain(error: Exception) -> str:
    """Return what is wrong with a text that cannot be decoded, and where."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    told = COMPLAINTS.get(error.msg, error.msg)
    if error.pos >= len(error.doc) and error.msg == _NO_COMMA:
        told = f"a closing {_open_bracket(error.doc)} is missing"
    rest = error.doc[error.pos : error.pos + SHOWN]
    where = f"before {rest!r}" if rest.strip() else "at its end"
    return f"{told} {where} (character {error.pos + 1})"


def _open_bracket(text: str) -> str:
    """Return what closes the innermost object or list that a text leaves open."""
    closing = {"{": "}", "[": "]"}
    awaited: list[str] = []
    for mark in _MARKS.findall(text):
        if mark in closing:
            awaited.append(closing[mark])
        elif awaited and mark == awaited[-1]:
            awaited.pop()
    return awaited[-1] if awaited else "}"


def decode_list(raw: bytes) -> list[Any]:
    """Return the values of a text with commas between them.

    Raises:
        ValueError: One of them is no JSON.
    """
    text = raw.decode()
    decoder = Decoder(text)
    found: list[Any] = decoder.decode(f"[{text}]", 0)[0]
    if decoder.has_lost(raw):
        msg = "a name occurs twice in an object"
        raise _NotJsonError(msg)
    return found


def decode_value(text: str) -> Any:
    """Return the value of a text, or why it has none."""
    try:
        return STRICT.decode(text)
    except (ValueError, RecursionError) as error:
        return NoRow(text, "json", f"it is not JSON: {explain(error)}")


class Decoder:
    """Decodes values quickly, and knows afterwards whether that lost something.

    Args:
        text: What is to be decoded, from which it is seen how numbers are read.
    """

    def __init__(self, text: str) -> None:
        self._names = 0
        self._words: list[str] = []
        self._decoder = json.JSONDecoder(
            parse_float=_exact_number if LONG_NUMBER.search(text) else None,
            parse_constant=self._words.append,
            object_hook=self._count_names,
        )

    def decode(self, text: str, place: int) -> tuple[Any, int]:
        """Return the value that begins at a place, and where it ends.

        Raises:
            ValueError: None does.
        """
        before = self._names, len(self._words)
        try:
            return self._decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            self._names = before[0]
            del self._words[before[1] :]
            raise

    def has_lost(self, raw: bytes) -> bool:
        """Return whether values have other names than their text; begin anew.

        Args:
            raw: The text of the values that were decoded since the last time.
        """
        names, has_words = self._names, bool(self._words)
        self._names = 0
        self._words.clear()
        return has_words or (names != _guess_names(raw) and names != _count_names(raw))

    def _count_names(self, found: dict[str, Any]) -> dict[str, Any]:
        self._names += len(found)
        return found


def _count_names(raw: bytes) -> int:
    """Return how many names stand in a text of values, from all of its texts."""
    return sum(map(bool, _TEXT_AND_COLON.findall(raw)))


def _guess_names(raw: bytes) -> int | None:
    """Return how many names a text has if they are written as usual, else None.

    A quote that ends a name stands before a colon, with one space between them or
    none. Within a text it follows a backslash; a text that begins with a colon is
    counted in vain.
    """
    width = len(raw) - 3
    if width < 1 or rb'\\"' in raw:
        # a backslash of its own may end a name
        return None
    text = byte_values(raw)
    third, second, first, last = (text.slice(place, width) for place in range(4))
    colon = last == ord(":")
    spaced = colon & (first == ord(" "))
    if (colon & (first < ord(" "))).any() or (spaced & (second <= ord(" "))).any():
        return None
    ends = colon & (first == ord('"'))
    ends_spaced = spaced & (second == ord('"'))
    if b"\\" in raw:
        ends &= second != ord("\\")
        ends_spaced &= third != ord("\\")
    return int(ends.sum()) + int(ends_spaced.sum())


def _exact_number(text: str) -> float | Decimal:
    """Return the number as a float where that says the same, else as a decimal."""
    number = float(text)
    if repr(number) == text:
        return number
    exact = Decimal(text)
    # programs print a float with the digits that it needs, or always with 17
    says_the_same = math.isfinite(number) and exact in (
        Decimal(repr(number)),
        Decimal(f"{number:.17g}"),
    )
    return number if says_the_same else exact


def _refuse_word(word: str) -> None:
    msg = f"{word} is not a JSON number: write null"
    raise _NotJsonError(msg)


def _object(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(fields)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        twice = next(name for name in found if names.count(name) > 1)
        msg = f"the name {twice!r} occurs twice in one object, which loses a value"
        raise _NotJsonError(msg)
    return found


STRICT = json.JSONDecoder(
    parse_float=_exact_number, parse_constant=_refuse_word, object_pairs_hook=_object
)
