"""Helpers for the wording of messages: plurals, articles, lists, control characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Most columns that a message names. Some files have a thousand, and what to do is said
#: after their names.
SHOWN_COLUMNS = 20

_SIBILANT = re.compile(r"(s|x|ch|sh)$")
_CONSONANT_Y = re.compile(r"(?<![aeiou])y$")
#: Control characters, and those that separate lines or reverse the order of others; tab
#: and line feed are not among them.
_ORDERING = r"\u2028\u2029\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_ORDERING}]")
#: Those of them that JSON does not escape.
_IN_JSON = re.compile(rf"[\x7f-\x9f{_ORDERING}]")
#: What makes the name of a column unclear among others.
_UNCLEAR = re.compile(r"""[,'"\n]|^\s|\s$|^$""")
_VOWEL = re.compile(r"[aeiou]", re.IGNORECASE)


def counted(number: int, one: str, many: str = "", /) -> str:
    """Return a number with its word: `1 row`, `2,000 rows`, `2 batches`.

    Args:
        number: How many.
        one: The word or words for one.
        many: Those for several or none; by default the plural of `one`.
    """
    return f"{number:,} {one if number == 1 else many or _plural(one)}"


def with_article(words: str, /) -> str:
    """Return words preceded by `a` or `an`."""
    return f"{'an' if _VOWEL.match(words) else 'a'} {words}"


def listed(words: Sequence[str], most: int = SHOWN_COLUMNS, /) -> str:
    """Return at most the first `most` words, and how many more there are."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more:,} more" if more > 0 else "")


def clear_name(name: str, /) -> str:
    """Return the name of a column as a list shows it, in quotes if it needs them."""
    return repr(name) if _UNCLEAR.search(name) else name


def listed_names(names: Sequence[str], most: int = SHOWN_COLUMNS, /) -> str:
    """Return names of columns as `listed` does, those in quotes that need them.

    Otherwise `price, net` could be one column or two, and an empty name none.
    """
    return listed([clear_name(name) for name in names[:most]] + [*names[most:]], most)


def visible(text: str, /) -> str:
    r"""Return a text with its control characters escaped, as in `\x1b`.

    Otherwise a value from a web page could colour, hide or change what a terminal
    shows.
    """
    return _CONTROL.sub(_escape, text)


def visible_json(text: str, /) -> str:
    """Return an equivalent JSON text without control characters."""
    return _IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def hanging(text: str, /) -> str:
    """Return a text with all lines but the first marked and indented.

    Otherwise a line break in a value, or in the name of a file, could begin a line that
    a reader of a log takes for one of propload's own; without the mark, for a line of a
    report, which are indented too.
    """
    return text.replace("\n", "\n    | ")


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def _plural(word: str) -> str:
    if _CONSONANT_Y.search(word):
        return f"{word[:-1]}ies"
    return f"{word}es" if _SIBILANT.search(word) else f"{word}s"
