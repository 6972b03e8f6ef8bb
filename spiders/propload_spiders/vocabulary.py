"""Long lists of words, written as one comma-separated text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def words_of(text: str, /) -> tuple[str, ...]:
    """Return the words of a text such as `vanaf, from`; () if it is empty."""
    return tuple(text.split(", ")) if text else ()


def by_word(meanings: Mapping[str, str], /) -> dict[str, str]:
    """Return the meaning of each word, given the words of each meaning."""
    return {
        word: meaning for meaning, text in meanings.items() for word in words_of(text)
    }
