"""Suggestions of the known word that a wrong one was probably meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Least similarity (of difflib) for a hint about a word that is known to be wrong; a
#: useless hint does little harm. Two of three letters may be transposed.
ALIKE = 0.6
#: Least similarity if it decides whether a word is wrong at all, and for names of
#: columns, many of which are naturally similar. One of four letters may be wrong.
SLIP = 0.75


def nearest(word: str, known: Iterable[str], *, cutoff: float = ALIKE) -> str | None:
    """Return the known word that is most similar to a wrong one, or None.

    A word in the wrong case is the same word.

    Args:
        word: The wrong word.
        known: The known words.
        cutoff: The least similarity, from 0 to 1.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only for wrong words

    words = list(known)
    same = [one for one in words if one.casefold() == word.casefold()]
    close = same or get_close_matches(word, words, 1, cutoff)
    return close[0] if close else None


def suggest(
    word: str,
    known: Iterable[str],
    *,
    cutoff: float = ALIKE,
    prefix: str = "",
    listed: bool = False,
) -> str:
    """Return the end of a message about a wrong word; empty if no word is similar.

    Args:
        word: The wrong word.
        known: The known words.
        cutoff: The least similarity, from 0 to 1.
        prefix: A prefix to show before the known word; it is not compared.
        listed: Whether to list all known words if none is similar.
    """
    known = tuple(known)
    match = nearest(word, known, cutoff=cutoff)
    if match is not None:
        return f"; did you mean {prefix + match!r}?"
    return f"; known are: {', '.join(known) or 'none'}" if listed else ""
