"""How long lists of words are written here: as one text, with commas between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def words_of(text: str, /) -> tuple[str, ...]:
    """Return the words of `vanaf, from`; an empty text has none."""
    return tuple(text.split(", ")) if text else ()


def by_word(meanings: Mapping[str, str], /) -> dict[str, str]:
    """Return what each word means, from the words of each meaning."""
    return {
        word: meaning for meaning, text in meanings.items() for word in words_of(text)
    }
