"""Paths of a mapping that lead nowhere in any row: most are misspelt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from propload.batch import ROW
from propload.messages.suggestions import suggest
from propload.messages.wording import counted, listed_names
from propload.prepare.mapping.names import Names
from propload.prepare.mapping.nested import (
    INVALID,
    NestedColumns,
    has_member,
    value_at,
    values_at,
)
from propload.prepare.mapping.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from propload.prepare.mapping.column_mapping import Mapping

#: So many rows tell whether a path is right; decoding them takes milliseconds.
ROWS_LOOKED_AT = 1_000
#: Values that do not say what others hold.
_EMPTY: tuple[object, ...] = (None, [], {})


class LostPaths:
    """Paths that lead nowhere, gathered over the first rows of each set of columns.

    Args:
        mapping: How rows are mapped, or None.
    """

    def __init__(self, mapping: Mapping | None) -> None:
        columns = {} if mapping is None else mapping.columns
        self._mapping = "" if mapping is None else mapping.name
        self._rules = {
            target: (rule, rule.path)
            for target, rule in columns.items()
            if isinstance(rule, Rule) and rule.path is not None
        }
        self._found: set[str] = set()
        self._notes: dict[str, str] = {}

    def record(self, rows: pl.DataFrame, source: str) -> None:
        """Look for each path in some rows.

        Args:
            rows: Rows as read, with `ROW`.
            source: What messages call their source.
        """
        if not self._rules:
            return
        rows = rows.head(ROWS_LOOKED_AT)
        names = Names([name for name in rows.columns if name != ROW])
        nested = NestedColumns(rows)
        for target, (rule, path) in self._rules.items():
            for name in names.find(rule.sources, each=rule.each):
                ends = [
                    _end_of(v, path) for v in nested.decoded(name) if v is not INVALID
                ]
                if any(end.is_found for end in ends):
                    self._found.add(target)
                elif (lost := _farthest(ends)) is not None:
                    self._notes.setdefault(
                        target,
                        f"{source}: {self._mapping} finds nothing at {name}.{path} for "
                        f"{target} in the first {counted(len(ends), 'row')}: "
                        f"{_describe(lost, name, path)}",
                    )

    @property
    def notes(self) -> list[str]:
        """What a reader of the report should know."""
        return [
            note for target, note in self._notes.items() if target not in self._found
        ]


@dataclass(frozen=True, slots=True)
class _End:
    """Where a path ends in a value.

    Attributes:
        steps: How many names and positions of the path lead there.
        value: What is there.
        is_found: Whether that is the end of the path.
    """

    steps: int
    value: Any
    is_found: bool = False


def _end_of(value: Any, path: str) -> _End:
    steps = path.split(".")
    for found in values_at(value, path):
        return _End(len(steps), found, is_found=True)
    for place, step in enumerate(steps):
        if not has_member(value, step):
            return _End(place, value)
        value = value_at(value, step)
    return _End(len(steps), value)


def _farthest(ends: Sequence[_End]) -> _End | None:
    """Return an end that says that the path is wrong; None if another may be right.

    A null and an empty list do not say what others hold there.
    """
    farthest = max((end.steps for end in ends), default=0)
    there = [end for end in ends if end.steps == farthest]
    return next((end for end in there if end.value not in _EMPTY), None)


def _describe(end: _End, name: str, path: str) -> str:
    """Return what there is where a path ends too early."""
    steps = path.split(".")
    place = ".".join([name, *steps[: end.steps]])
    step, rest = steps[end.steps], ".".join(steps[end.steps :])
    if isinstance(end.value, dict):
        return f"{place} has {listed_names(list(end.value))}{suggest(step, end.value)}"
    if not isinstance(end.value, list):
        return f"{place} is neither an object nor a list"
    if step.isdecimal():
        return f"{place} is a list of {len(end.value):,}"
    return f"{place} is a list; give a position too, as in {place}.0.{rest}"
