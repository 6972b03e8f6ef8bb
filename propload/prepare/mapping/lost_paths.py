"""Paths of a mapping that lead nowhere in any row: most are misspelt."""

from __future__ import annotations

from itertools import accumulate
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
    import polars as pl

    from propload.prepare.mapping.column_mapping import Mapping

#: So many rows tell whether a path is right; decoding them takes milliseconds.
ROWS_LOOKED_AT = 1_000
#: What says nothing about a path.
_NO_VALUES = (None, INVALID)


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
                values = [v for v in nested.decoded(name) if v not in _NO_VALUES]
                if any(_leads_on(value, path) for value in values):
                    self._found.add(target)
                elif values:
                    self._notes.setdefault(
                        target,
                        f"{source}: {self._mapping} finds nothing at {name}.{path} for "
                        f"{target} in the first {counted(len(values), 'value')} of "
                        f"{name}: {_describe_end(values[0], name, path)}",
                    )

    @property
    def notes(self) -> list[str]:
        """What a reader of the report should know."""
        return [
            note for target, note in self._notes.items() if target not in self._found
        ]


def _leads_on(value: Any, path: str) -> bool:
    """Return whether a path leads to its end, or to a null on the way."""
    ways = accumulate(path.split("."), "{}.{}".format)
    return bool([*values_at(value, path)]) or any(
        None in values_at(value, way) for way in ways
    )


def _describe_end(value: Any, name: str, path: str) -> str:
    """Return what there is where a path ends too early."""
    first, *rest = path.split(".")
    if has_member(value, first) and rest:
        return _describe_end(value_at(value, first), f"{name}.{first}", ".".join(rest))
    if isinstance(value, dict):
        return f"{name} has {listed_names(list(value))}{suggest(first, value)}"
    if not isinstance(value, list):
        return f"{name} is neither an object nor a list"
    if first.isdecimal():
        return f"{name} is a list of {len(value):,}"
    return f"{name} is a list; give a position too, as in {name}.0.{path}"
