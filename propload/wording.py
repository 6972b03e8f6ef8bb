"""Words that depend on what they are said of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HISSES = re.compile(r"(s|x|ch|sh)$")
_CONSONANT_Y = re.compile(r"(?<![aeiou])y$")
#: Characters that a terminal obeys, but for those that end a line or a column.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_VOWEL = re.compile(r"[aeiou]", re.IGNORECASE)


def counted(number: int, one: str, many: str = "", /) -> str:
    """Return a number with its word: `1 row`, `2,000 rows`, `2 batches`.

    Args:
        number: How many.
        one: What is said of one.
        many: What is said of several or none; by default the plural of `one`.
    """
    return f"{number:,} {one if number == 1 else many or _plural(one)}"


def with_article(words: str, /) -> str:
    """Return words with `a` or `an` before them."""
    return f"{'an' if _VOWEL.match(words) else 'a'} {words}"


def listed(words: Sequence[str], most: int, /) -> str:
    """Return the first of some words, and how many more there are."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more:,} more" if more > 0 else "")


def visible(text: str, /) -> str:
    r"""Return a text whose control characters are written out: `\x1b`.

    A value of somebody's page could else colour, hide or rename what a terminal shows.
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _plural(word: str) -> str:
    if _CONSONANT_Y.search(word):
        return f"{word[:-1]}ies"
    return f"{word}es" if _HISSES.search(word) else f"{word}s"
