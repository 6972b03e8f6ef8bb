"""How planned rows are staged, compared and written, by the facts of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from propload.postgres.sql import casts
from propload.postgres.sql.shadow_names import ShadowNames
from propload.postgres.sql.shape import ColumnShape, Comparison, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.tables.facts import TableColumn, TableFacts
    from propload.target import ColumnPlan, TableName, Target

#: Texts that differ may be equal values of these.
_LOOSE = ("bpchar", "citext")
#: `RETURNING old.…` tells an update from an insert from this version on.
_RETURNS_OLD = 180000
#: `MERGE … RETURNING merge_action()` works from this version on.
_MERGE_RETURNS = 170000
#: Texts of these are compared by their bytes, whatever their collation.
_TEXTS = ("text", "varchar")
#: Equal values of these are not the same: a month is no 30 days when it is added.
_FORMS = ("interval", "citext")
#: Values of these hold others, which may be such.
_HOLDERS = ("range", "composite")
#: Equal values of these may have several texts; the server's own short form.
_CANONICAL = {"bpchar": "{}::text", "numeric": "trim_scale({})"}


def shape_of(
    facts: TableFacts,
    target: Target,
    plan: Sequence[ColumnPlan],
    /,
    *,
    version: int,
    table: TableName | None = None,
    shadow_names: ShadowNames | None = None,
) -> Shape:
    """Return how the planned columns go into a table.

    Args:
        facts: The target's table.
        target: The key and the rules.
        plan: The columns that travel.
        version: The server's version.
        table: The shadow that is written in place of the target, or None.
        shadow_names: What the target calls what the server names of the shadow.
    """
    written = table or target.table
    if written != target.table:
        facts = facts.of_shadow()
    traits = facts.traits
    known = {column.name: column for column in facts.columns}
    travelling = {each.column for each in plan}
    return Shape(
        table=written,
        columns=tuple(_column(each, known[each.column]) for each in plan),
        key=target.key if target.mode in ("upsert", "insert-new", "replace") else (),
        newest=target.newest if target.newest in travelling else None,
        mode=target.mode,
        on_null=target.on_null,
        required=tuple(
            column.name
            for column in facts.columns
            if column.required and column.name not in travelling
        ),
        direct=not (traits.triggered or traits.rewritten)
        and all(each.carrier == "copy" for each in plan),
        triggered=traits.triggered,
        partitioned=traits.partitioned,
        merges=version >= _MERGE_RETURNS and not traits.ruled,
        counts_by=_counts_by(version, partitioned=traits.partitioned),
        shadow_names=shadow_names or ShadowNames(),
        tied_by=_ties(facts, target, travelling),
    )


def _ties(facts: TableFacts, target: Target, travelling: set[str]) -> tuple[str, ...]:
    """Return the names of what lets rows of different keys refuse one another."""
    given = travelling.union(each.name for each in facts.columns if each.generated)
    triggered = facts.traits.triggered
    return tuple(
        tie.name
        for tie in facts.ties
        if tie.binds(target.key, given, triggered=triggered)
    )


def _column(plan: ColumnPlan, stored: TableColumn) -> ColumnShape:
    compare: Comparison = "value" if stored.comparable else "text"
    if stored.base in _TEXTS:
        compare = "bytes"
    elif stored.base == "citext":
        compare = "text"
    elif stored.comparable and (
        stored.base in _FORMS
        or stored.element_base in _FORMS
        or stored.kind in _HOLDERS
        or stored.element_kind in _HOLDERS
    ):
        compare = "form"
    return ColumnShape(
        plan=plan,
        collation=stored.collation,
        compare=compare,
        canonical=_CANONICAL.get(stored.base, "{}"),
        settable=not stored.identity,
        nullable=stored.nullable,
        loose=stored.loose
        or stored.base in _LOOSE
        or casts.cast_type(plan) is not None,
        of_domain=stored.domain is not None,
    )


def _counts_by(
    version: int, *, partitioned: bool
) -> Literal["old", "xmax", "sequence"]:
    if version >= _RETURNS_OLD:
        return "old"
    return "sequence" if partitioned else "xmax"
