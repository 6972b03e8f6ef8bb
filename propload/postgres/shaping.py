"""Reads from the catalog how rows of a target are staged and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from propload.postgres import types
from propload.postgres.own_names import read_own_names
from propload.postgres.shape import ColumnShape, Comparison, Shape
from propload.postgres.sql import catalog
from propload.postgres.sql.quoting import table as quoted_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from propload.postgres.connection import Connection
    from propload.target import ColumnPlan, TableName, Target

#: Texts that differ may be equal values of these.
_LOOSE = ("bpchar", "citext")
#: `RETURNING old.…` tells an update from an insert from this version on.
_RETURNS_OLD = 180000
#: `MERGE … RETURNING merge_action()` works from this version on.
_MERGE_RETURNS = 170000
#: Texts of these are compared by their bytes, whatever their collation.
_TEXTS = ("text", "varchar")
#: Equal values of these may have several texts; the server's own short form.
_CANONICAL = {"bpchar": "{}::text", "numeric": "trim_scale({})"}


@dataclass(frozen=True, slots=True)
class Tie:
    """A constraint or index by which one row may refuse another.

    Attributes:
        name: Its name.
        equal: The columns in which two rows must be equal to collide.
        columns: All columns that it looks at.
    """

    name: str
    equal: list[str]
    columns: list[str]

    def binds(
        self, key: Sequence[str], given: AbstractSet[str], /, *, triggered: bool
    ) -> bool:
        """Return whether rows of different keys may refuse one another.

        Args:
            key: The columns by which rows are routed.
            given: The columns whose values depend on the rows that come.
            triggered: Whether a trigger may give any column a value.
        """
        if key and set(key) <= set(self.equal):
            return False
        return triggered or not given.isdisjoint(self.columns)


def read_shape(
    connection: Connection,
    target: Target,
    plan: Sequence[ColumnPlan],
    /,
    *,
    table: TableName,
) -> Shape:
    """Return how the planned columns go into a table.

    Args:
        connection: Where the table is.
        target: The key and the rules.
        plan: The columns that travel.
        table: The table that is written: the target's, or its shadow.

    Raises:
        ServerError: The catalog cannot be read.
    """
    relation = quoted_table(table)
    stored = {row[0]: row for row in connection.rows(catalog.COLUMNS, (relation,))}
    partitioned, policed, triggered, ruled = connection.rows(
        catalog.RELATION, (relation,)
    )[0]
    ties = [Tie(*row) for row in connection.rows(catalog.TIES, (relation,))]
    columns = tuple(_column(each, stored[each.column]) for each in plan)
    travelling = {each.column for each in plan}
    computed = {name for name, *_, generated, _, _ in stored.values() if generated}
    return Shape(
        table=table,
        columns=columns,
        key=target.key if target.mode in ("upsert", "insert-new", "replace") else (),
        newest=target.newest if target.newest in travelling else None,
        mode=target.mode,
        on_null=target.on_null,
        required=tuple(
            name
            for name, _, _, not_null, filled, _, generated, *_ in stored.values()
            if not_null and not filled and not generated and name not in travelling
        ),
        direct=not policed
        and not triggered
        and all(each.carrier == "copy" for each in plan),
        triggered=bool(triggered),
        partitioned=bool(partitioned),
        merges=connection.server_version >= _MERGE_RETURNS and not ruled,
        counts_by=_counts_by(connection.server_version, partitioned=partitioned),
        own_names=read_own_names(connection, table, target.table),
        tied_by=tuple(
            tie.name
            for tie in ties
            if tie.binds(target.key, travelling | computed, triggered=bool(triggered))
        ),
    )


def _column(plan: ColumnPlan, stored: tuple[object, ...]) -> ColumnShape:
    _, base, collation, not_null, _, fixed, _, loose, comparable = stored
    compare: Comparison = "value" if comparable else "text"
    if base in _TEXTS:
        compare = "bytes"
    elif base == "citext":
        compare = "text"
    return ColumnShape(
        plan=plan,
        collation=str(collation) if collation else None,
        compare=compare,
        canonical=_CANONICAL.get(str(base), "{}"),
        settable=not fixed,
        nullable=not not_null,
        loose=bool(loose) or base in _LOOSE or types.cast_type(plan) is not None,
    )


def _counts_by(
    version: int, *, partitioned: bool
) -> Literal["old", "xmax", "sequence"]:
    if version >= _RETURNS_OLD:
        return "old"
    return "sequence" if partitioned else "xmax"
