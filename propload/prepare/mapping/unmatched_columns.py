"""Columns that a mapping cannot make, because the rows have none of their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.messages.suggestions import SLIP, nearest
from propload.messages.wording import SHOWN_COLUMNS, listed
from propload.prepare.mapping.column_mapping import Mapping
from propload.prepare.mapping.names import Names, loose
from propload.prepare.mapping.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.prepare.mapping.column_mapping import RowMapping


class UnmatchedColumns:
    """What a mapping found no column for, gathered over the rows of a run.

    Args:
        mapping: How rows are mapped, or None.
    """

    def __init__(self, mapping: RowMapping | None) -> None:
        self._mapping = mapping if isinstance(mapping, Mapping) else None
        self._told: list[str] = []
        self._first: tuple[Sequence[str], str] = (), ""
        self._in_none: set[str] | None = None

    def see(self, given: Sequence[str], source: str, *, fixed: bool) -> None:
        """Note what is missing from rows with these columns.

        Args:
            given: Their columns.
            source: What messages call their source.
            fixed: Whether all rows of the source have these columns. If it names them
                row by row, other rows may have the missing ones.
        """
        if self._mapping is None:
            return
        lacking = _lacking(self._mapping, given)
        if fixed:
            if lacking:
                self._told.append(_note(self._mapping, lacking, given, source))
        elif self._in_none is None:
            self._in_none, self._first = lacking, (given, source)
        else:
            self._in_none &= lacking

    @property
    def notes(self) -> list[str]:
        """What a reader of the report should know."""
        if self._mapping is None or not self._in_none:
            return self._told
        return [*self._told, _note(self._mapping, self._in_none, *self._first)]


def _lacking(mapping: Mapping, given: Sequence[str]) -> set[str]:
    names = Names(given)
    return {
        target
        for target, rule in mapping.columns.items()
        if isinstance(rule, Rule) and not names.find(rule.sources, each=False)
    }


def _note(
    mapping: Mapping, lacking: set[str], given: Sequence[str], source: str
) -> str:
    free = _unread(mapping, given)
    wanted = [
        _described(target, rule, free)
        for target, rule in mapping.columns.items()
        if isinstance(rule, Rule) and target in lacking
    ]
    return (
        f"{source}: {mapping.name} finds no column for "
        f"{listed(wanted)}, "
        f"and leaves {'it' if len(wanted) == 1 else 'them'} out. "
        f"Columns that no rule reads: {', '.join(free[:SHOWN_COLUMNS]) or 'none'}"
    )


def _unread(mapping: Mapping, given: Sequence[str]) -> list[str]:
    names = Names(given)
    rules = [rule for rule in mapping.columns.values() if isinstance(rule, Rule)]
    read = {name for one in rules for name in names.find(one.sources, each=one.each)}
    return [name for name in given if name not in read]


def _described(target: str, rule: Rule, free: Sequence[str]) -> str:
    by_loose = {loose(name): name for name in free}
    hits = (nearest(loose(name), by_loose, cutoff=SLIP) for name in rule.sources)
    near = next(filter(None, hits), None)
    hint = f"; did you mean {by_loose[near]!r}?" if near is not None else ""
    return f"{target} (from {' or '.join(rule.sources)}{hint})"
