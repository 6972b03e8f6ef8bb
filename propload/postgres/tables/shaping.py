"""Decide from a table's facts how rows are staged, compared and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from propload.postgres.sql import casts
from propload.postgres.sql.shadow_names import ShadowNames
from propload.postgres.sql.shape import ColumnShape, Comparison, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.tables.facts import TableColumn, TableFacts
    from propload.target import ColumnPlan, TableName, Target

#: Types for which different texts may be equal values.
_LOOSE_TYPES = ("bpchar", "citext")
#: The first version in which `RETURNING old.…` distinguishes updates from inserts.
_RETURNS_OLD = 180000
#: The first versions with `MERGE … RETURNING merge_action()` whose MERGE finds the
#: newest version of a row that other sessions changed more than once meanwhile: a fault
#: that PostgreSQL mended in November 2025.
_MERGES = {17: 170007, 18: 180001}
#: Types whose values are compared by their bytes, whatever their collation.
_BYTE_COMPARED = ("text", "varchar")
#: Types whose equal values may differ: a month equals 30 days, but not when added.
_FORM_COMPARED = ("interval", "citext")
#: Kinds of types whose values contain others, which may be of `_FORM_COMPARED`.
_CONTAINER_KINDS = ("range", "composite")
#: Types whose equal values may have several texts, with the expression for one text.
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
    """Return how the planned columns are written into a table.

    Args:
        facts: The target's table.
        target: The key and the rules.
        plan: The columns that are sent.
        version: The server's version.
        table: The shadow that is written instead of the target, or None.
        shadow_names: The target's names for the objects of its shadow, which the
            server's messages name.
    """
    written = table or target.table
    if written != target.table:
        facts = facts.of_shadow()
    traits = facts.traits
    table_columns = {column.name: column for column in facts.columns}
    sent_columns = {each.column for each in plan}
    return Shape(
        table=written,
        columns=tuple(_column(each, table_columns[each.column]) for each in plan),
        key=target.key if target.mode in ("upsert", "insert-new", "replace") else (),
        newest=target.newest if target.newest in sent_columns else None,
        mode=target.mode,
        on_null=target.on_null,
        required=tuple(
            column.name
            for column in facts.columns
            if column.required and column.name not in sent_columns
        ),
        direct=not (traits.triggered or traits.rewritten)
        and all(each.transfer_format == "copy" for each in plan),
        triggered=traits.triggered,
        partitioned=traits.partitioned,
        supports_merge=_can_merge(version) and not traits.ruled,
        counts_by=_counts_by(version, partitioned=traits.partitioned),
        shadow_names=shadow_names or ShadowNames(),
        cross_key_constraints=_cross_key_constraints(facts, target, sent_columns),
    )


def _can_merge(version: int) -> bool:
    major = version // 10_000
    return major >= min(_MERGES) and version >= _MERGES.get(major, 0)


def _cross_key_constraints(
    facts: TableFacts, target: Target, sent_columns: set[str]
) -> tuple[str, ...]:
    """Return the names of ties by which rows of different keys may conflict."""
    incoming = sent_columns.union(each.name for each in facts.columns if each.generated)
    triggered = facts.traits.triggered
    return tuple(
        constraint.name
        for constraint in facts.cross_row_constraints
        if constraint.spans_keys(target.key, incoming, triggered=triggered)
    )


def _column(plan: ColumnPlan, stored: TableColumn) -> ColumnShape:
    compare: Comparison = "value" if stored.comparable else "text"
    if stored.base in _BYTE_COMPARED:
        compare = "bytes"
    elif stored.base == "citext":
        compare = "text"
    elif stored.comparable and (
        stored.base in _FORM_COMPARED
        or stored.element_base in _FORM_COMPARED
        or stored.kind in _CONTAINER_KINDS
        or stored.element_kind in _CONTAINER_KINDS
    ):
        compare = "form"
    return ColumnShape(
        plan=plan,
        collation=stored.collation,
        compare=compare,
        canonical=_CANONICAL.get(stored.base, "{}"),
        settable=not stored.identity,
        nullable=stored.nullable,
        server_equality=stored.loose
        or stored.base in _LOOSE_TYPES
        or casts.cast_type(plan) is not None,
        of_domain=stored.domain is not None,
    )


def _counts_by(
    version: int, *, partitioned: bool
) -> Literal["old", "xmax", "sequence"]:
    if version >= _RETURNS_OLD:
        return "old"
    return "sequence" if partitioned else "xmax"
