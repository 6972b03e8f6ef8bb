"""Decodes JSON strictly: nothing is lost of its numbers, names and values.

Python's decoder accepts NaN, and of two fields with the same name keeps only the last.
Checking each field would take twice the time. Instead the names are counted in the text
and in the decoded values, and only if the counts differ, the values are decoded again
one by one by a strict decoder.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from propload.sources.text.chunking import byte_values
from propload.values.plain_columns import TEXT
from propload.values.strict_json import STRICT, exact_number

#: A number that a float may not hold exactly. One of up to 15 digits survives the
#: conversion to a float and back unless its exponent has three digits.
LONG_NUMBER = r"\d[\d.]{15}|\d[eE][-+]?\d{3}"
#: A whole string, or a bracket.
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
#: A whole string, and the colon after it if it is a name.
_TEXT_AND_COLON = re.compile(rb'"(?:[^"\\]++|\\.)*+"[ \t\r\n]*+(:?)', re.DOTALL)
#: How many characters a message shows of the place where a text is wrong.
SHOWN = 30

_NO_COMMA = "Expecting ',' delimiter"
#: Messages of Python's decoder, reworded for users.
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


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A value that cannot be a row.

    Attributes:
        text: The value as in the text.
        check: A short name of what is wrong.
        message: What is wrong with it.
    """

    text: str
    check: str
    message: str


def explain(error: Exception) -> str:
    """Return what is wrong with a text that cannot be decoded, and where."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    complaint = COMPLAINTS.get(error.msg, error.msg)
    if error.pos >= len(error.doc) and error.msg == _NO_COMMA:
        complaint = f"a closing {_open_bracket(error.doc)} is missing"
    rest = error.doc[error.pos : error.pos + SHOWN]
    where = f"before {rest!r}" if rest.strip() else "at its end"
    return f"{complaint} {where} (character {error.pos + 1})"


def _open_bracket(text: str) -> str:
    """Return the bracket that closes the innermost open object or list of a text."""
    closing = {"{": "}", "[": "]"}
    expected: list[str] = []
    for mark in _MARKS.findall(text):
        if mark in closing:
            expected.append(closing[mark])
        elif expected and mark == expected[-1]:
            expected.pop()
    return expected[-1] if expected else "}"


def decode_list(raw: bytes) -> list[Any]:
    """Return the values of a text, which are separated by commas.

    Raises:
        ValueError: One of them is not JSON.
    """
    text = raw.decode()
    decoder = Decoder(text)
    values: list[Any] = decoder.decode(f"[{text}]", 0)[0]
    if decoder.was_lossy(raw):
        msg = "a name occurs twice in an object"
        raise ValueError(msg)
    return values


def decode_value(text: str) -> Any:
    """Return the value of a text, or an `InvalidRow` if it is not JSON."""
    try:
        return STRICT.decode(text)
    except (ValueError, RecursionError) as error:
        return InvalidRow(text, "json", f"it is not JSON: {explain(error)}")


class Decoder:
    """Decodes values fast, and tells afterwards whether that lost something.

    Args:
        text: The text to decode: long numbers in it decide how numbers are read.
    """

    def __init__(self, text: str) -> None:
        self._names = 0
        self._constants: list[str] = []
        self._decoder = json.JSONDecoder(
            parse_float=exact_number if _has_long_number(text) else None,
            parse_constant=self._constants.append,
            object_hook=self._count_names,
        )

    def decode(self, text: str, place: int) -> tuple[Any, int]:
        """Return the value that begins at a place, and where it ends.

        Raises:
            ValueError: No JSON value begins there.
        """
        before = self._names, len(self._constants)
        try:
            return self._decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            self._names = before[0]
            del self._constants[before[1] :]
            raise

    def was_lossy(self, raw: bytes) -> bool:
        """Return whether values decoded since the last call lost names or had NaN.

        Args:
            raw: The text of these values.
        """
        names, has_constants = self._names, bool(self._constants)
        self._names = 0
        self._constants.clear()
        return has_constants or (
            names != _guess_names(raw) and names != _count_names(raw)
        )

    def _count_names(self, decoded: dict[str, Any]) -> dict[str, Any]:
        self._names += len(decoded)
        return decoded


def _has_long_number(text: str) -> bool:
    """Return whether a text has a number that a float may not hold exactly.

    Python's patterns take as long for this as its decoder for all values, Arrow's a
    ninth of that.
    """
    return bool(
        pc.match_substring_regex(pa.array([text], TEXT), LONG_NUMBER)[0].as_py()
    )


def _count_names(raw: bytes) -> int:
    """Return how many names there are in a text of values, by matching each string."""
    return sum(map(bool, _TEXT_AND_COLON.findall(raw)))


def _guess_names(raw: bytes) -> int | None:
    """Return how many names a text has if it is written as usual, else None.

    A quote that ends a name is followed by a colon, with at most one space between
    them. Within a string, a quote follows a backslash. A string that begins with a
    colon is counted as a name by mistake: the exact count corrects that.
    """
    width = len(raw) - 3
    if width < 1 or rb'\\"' in raw:
        # the name may end with an escaped backslash
        return None
    text = byte_values(raw)
    third, second, first, last = (text.slice(place, width) for place in range(4))
    colon = last == ord(":")
    colon_after_space = colon & (first == ord(" "))
    if (colon & (first < ord(" "))).any() or (
        colon_after_space & (second <= ord(" "))
    ).any():
        return None
    ends = colon & (first == ord('"'))
    ends_spaced = colon_after_space & (second == ord('"'))
    if b"\\" in raw:
        ends &= second != ord("\\")
        ends_spaced &= third != ord("\\")
    return int(ends.sum()) + int(ends_spaced.sum())
