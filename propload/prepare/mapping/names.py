"""Columns of a source by the names that a mapping gives them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Names:
    """The columns of a source, found by name and by nearly the same name.

    Args:
        columns: Their names.

    Attributes:
        columns: Their names.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self._by_loose_name: dict[str, str] = {}
        for name in columns:
            self._by_loose_name.setdefault(normalize_name(name), name)

    def find(self, sources: Sequence[str], *, each: bool) -> list[str]:
        """Return the columns that a rule reads: one, or all with `each`.

        Args:
            sources: The names that it gives.
            each: Whether all that are present are read.
        """
        found = [
            name
            for source in sources
            if (
                name := source
                if source in self.columns
                else self._by_loose_name.get(normalize_name(source))
            )
        ]
        unique = list(dict.fromkeys(found))
        return unique if each else unique[:1]


def describe_sources(sources: Sequence[str], columns: Sequence[str]) -> str:
    """Return the names that a rule gives, and how to name a field of a column.

    Args:
        sources: Names of no column.
        columns: The columns of the source.
    """
    wanted = " or ".join(sources)
    names = Names(columns)
    for source in sources:
        column, _, path = source.partition(".")
        if path and (found := names.find([column], each=False)):
            return f'{wanted}; for a field of {found[0]}, give path = "{path}" too'
    return wanted


def normalize_name(name: str) -> str:
    """Return a column's name as people compare them: `Sale  Price` is `sale_price`.

    Args:
        name: The name as it is written.
    """
    return re.sub(r"[\W_]+", " ", name).strip().casefold() or name
