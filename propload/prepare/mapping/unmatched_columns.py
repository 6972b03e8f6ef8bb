"""What a mapping looks for and does not find in any row: columns, and paths in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.messages.suggestions import SLIP, nearest
from propload.messages.wording import listed, listed_names
from propload.prepare.mapping.column_mapping import Mapping
from propload.prepare.mapping.lost_paths import LostPaths
from propload.prepare.mapping.names import Names, describe_sources, normalize_name
from propload.prepare.mapping.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from propload.prepare.mapping.column_mapping import RowMapping


class UnmatchedColumns:
    """What a mapping found no column for, gathered over the rows of a run.

    Args:
        mapping: How rows are mapped, or None.
    """

    def __init__(self, mapping: RowMapping | None) -> None:
        self._mapping = mapping if isinstance(mapping, Mapping) else None
        self._lost_paths = LostPaths(self._mapping)
        self._notes: list[str] = []
        self._first: tuple[Sequence[str], str] = (), ""
        self._always_missing: set[str] | None = None

    def record(self, columns: Sequence[str], source: str, *, fixed: bool) -> None:
        """Note what is missing from rows with these columns.

        Args:
            columns: Their columns.
            source: What messages call their source.
            fixed: Whether all rows of the source have these columns. If it names them
                row by row, other rows may have the missing ones.
        """
        if self._mapping is None:
            return
        missing = _missing_targets(self._mapping, columns)
        if fixed:
            if missing:
                self._notes.append(_note(self._mapping, missing, columns, source))
        elif self._always_missing is None:
            self._always_missing, self._first = missing, (columns, source)
        else:
            self._always_missing &= missing

    def record_paths(self, rows: pl.DataFrame, source: str) -> None:
        """Note the paths that lead nowhere in any of these rows.

        Args:
            rows: Rows as read, with `ROW`.
            source: What messages call their source.
        """
        self._lost_paths.record(rows, source)

    @property
    def notes(self) -> list[str]:
        """What a reader of the report should know."""
        notes = [*self._notes, *self._lost_paths.notes]
        if self._mapping is not None and self._always_missing:
            notes.append(_note(self._mapping, self._always_missing, *self._first))
        return notes


def _missing_targets(mapping: Mapping, columns: Sequence[str]) -> set[str]:
    names = Names(columns)
    return {
        target
        for target, rule in mapping.columns.items()
        if isinstance(rule, Rule) and not names.find(rule.sources, each=False)
    }


def _note(
    mapping: Mapping, missing: set[str], columns: Sequence[str], source: str
) -> str:
    unused = _unused_columns(mapping, columns)
    wanted = [
        _description(target, rule, columns, unused)
        for target, rule in mapping.columns.items()
        if isinstance(rule, Rule) and target in missing
    ]
    return (
        f"{source}: {mapping.name} finds no column for "
        f"{listed(wanted)}, "
        f"and leaves {'it' if len(wanted) == 1 else 'them'} out. "
        f"Columns that no rule reads: {listed_names(unused) or 'none'}"
    )


def _unused_columns(mapping: Mapping, columns: Sequence[str]) -> list[str]:
    names = Names(columns)
    rules = [rule for rule in mapping.columns.values() if isinstance(rule, Rule)]
    read = {name for rule in rules for name in names.find(rule.sources, each=rule.each)}
    return [name for name in columns if name not in read]


def _description(
    target: str, rule: Rule, columns: Sequence[str], unused: Sequence[str]
) -> str:
    by_normalized_name = {normalize_name(name): name for name in unused}
    similar = (
        nearest(normalize_name(name), by_normalized_name, cutoff=SLIP)
        for name in rule.sources
    )
    near = next(filter(None, similar), None)
    hint = f"; did you mean {by_normalized_name[near]!r}?" if near is not None else ""
    return f"{target} (from {describe_sources(rule.sources, columns)}{hint})"
