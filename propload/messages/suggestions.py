"""The known word that a wrong one was probably meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: How alike two words are, by difflib, for a hint: the word is wrong in any case, and
#: a hint that is no help costs a glance. Of three letters, two may have changed places.
ALIKE = 0.6
#: The same where likeness decides whether a word is wrong at all, and for names of
#: columns, many of which are alike by nature: one of four letters may be another.
SLIP = 0.75


def nearest(word: str, known: Iterable[str], *, cutoff: float = ALIKE) -> str | None:
    """Return the known word that is most like a wrong one, or None.

    Args:
        word: The wrong word.
        known: The right ones.
        cutoff: How alike they are at least, from 0 to 1.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only where a word is wrong

    close = get_close_matches(word, list(known), 1, cutoff)
    return close[0] if close else None


def suggest(
    word: str,
    known: Iterable[str],
    *,
    cutoff: float = ALIKE,
    prefix: str = "",
    listed: bool = False,
) -> str:
    """Return the end of a message about a wrong word; empty where no word is near.

    Args:
        word: The wrong word.
        known: The right ones.
        cutoff: How alike they are at least, from 0 to 1.
        prefix: What stands before each of them and makes them no more alike.
        listed: Whether all are listed where none is near.
    """
    known = tuple(known)
    near = nearest(word, known, cutoff=cutoff)
    if near is not None:
        return f"; did you mean {prefix + near!r}?"
    return f"; known are: {', '.join(known) or 'none'}" if listed else ""
