"""Names that look the same to users but differ for the server."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def look_alikes(names: Iterable[str], known: Iterable[str] = ()) -> dict[str, str]:
    """Return names that look like a known or earlier one, each with that other name.

    They differ only in whether an accent is a separate character, in the kind of a
    space, or in characters without width. Capitals and superscripts (m²) look
    different.

    Args:
        names: Names that may look like others.
        known: Names that they may look like.
    """
    shown = {_shown(name): name for name in known}
    return {
        name: other
        for name in names
        if (other := shown.setdefault(_shown(name), name)) != name
    }


def _shown(name: str) -> str:
    if name.isascii():
        return name
    return unicodedata.normalize("NFC", "".join(map(_visible, name)))


def _visible(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Zs":
        return " "
    return "" if kind == "Cf" else character
