"""Columns of a source by the names that a mapping gives them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Names:
    """The columns of a source, found by name and by nearly the same name.

    Args:
        given: Their names.

    Attributes:
        given: Their names.
    """

    def __init__(self, given: Sequence[str]) -> None:
        self.given = given
        self._near: dict[str, str] = {}
        for name in given:
            self._near.setdefault(loose(name), name)

    def find(self, sources: Sequence[str], *, each: bool) -> list[str]:
        """Return the columns that a rule reads: one, or all with `each`.

        Args:
            sources: The names that it gives.
            each: Whether all that are present are read.
        """
        present = [
            name
            for wanted in sources
            if (
                name := wanted
                if wanted in self.given
                else self._near.get(loose(wanted))
            )
        ]
        unique = list(dict.fromkeys(present))
        return unique if each else unique[:1]


def loose(name: str) -> str:
    """Return a column's name as people compare them: `Sale  Price` is `sale_price`.

    Args:
        name: The name as it is written.
    """
    return re.sub(r"[\W_]+", " ", name).strip().casefold() or name
