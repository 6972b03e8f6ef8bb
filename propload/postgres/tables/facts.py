"""The facts of a table: its columns, its keys, and what else a load must know."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from propload.target import USUAL_ARRAY, ArrayForm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from propload.postgres.tables.assumptions import Assumptions
    from propload.target import TableName, Target

ColumnKind = Literal["base", "enum", "array", "range", "composite", "other"]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of an existing table.

    Attributes:
        name: Its name, unquoted.
        pg_type: Its type as PostgreSQL writes it: `numeric(12,2)`.
        base: The catalog's name of the type, or of the type below its domain:
            `numeric`, `int4`; an array's begins with an underscore: `_text`.
        kind: What the base type is.
        nullable: Whether it may be null.
        has_default: Whether the server supplies a value if it is left out, from a
            default or an identity.
        generated: Whether the server computes it and refuses values.
        identity: Whether it is GENERATED ALWAYS AS IDENTITY: an insert must
            override it, an update cannot set it.
        domain: The name of the domain if its type is one, otherwise None.
        typmod_type: The type with its length or precision; if that is a domain, the
            type below it. Without a domain the same as `pg_type`.
        element_base: The catalog's name of an array's element type, or of the type
            below its domain.
        element_kind: What that type is.
        element_type: That type with its length if the elements are of a domain,
            otherwise None.
        collation: The quoted name of its collation, or None.
        loose: Whether that collation treats different texts as equal.
        comparable: Whether the type has an equality that indexes can use.
        array: How the text of an array is written.
    """

    name: str
    pg_type: str
    base: str
    kind: ColumnKind = "base"
    nullable: bool = True
    has_default: bool = False
    generated: bool = False
    identity: bool = False
    domain: str | None = None
    typmod_type: str | None = None
    element_base: str | None = None
    element_kind: ColumnKind = "base"
    element_type: str | None = None
    collation: str | None = None
    loose: bool = False
    comparable: bool = True
    array: ArrayForm = USUAL_ARRAY

    @property
    def required(self) -> bool:
        """Whether a new row must supply a value."""
        return not (self.nullable or self.has_default or self.generated)

    def element(self) -> TableColumn:
        """Return a column of an array's innermost element type."""
        array = self.typmod_type or self.pg_type
        base = self.element_base or self.base.removeprefix("_")
        pg_type = self.element_type or array.removesuffix("[]")
        element = TableColumn(self.name, pg_type, base, self.element_kind)
        return element.element() if self.array.nested else element


@dataclass(frozen=True, slots=True)
class CrossRowConstraint:
    """A constraint or index by which one row may conflict with another.

    Attributes:
        name: Its name.
        equal: The columns in which two rows must be equal to conflict.
        columns: All columns that it depends on.
        in_shadow: Whether a copy of the table, its shadow, has it too.
    """

    name: str
    equal: tuple[str, ...]
    columns: tuple[str, ...]
    in_shadow: bool

    def spans_keys(
        self, key: Sequence[str], incoming: AbstractSet[str], /, *, triggered: bool
    ) -> bool:
        """Return whether rows of different keys may conflict.

        Args:
            key: The columns by which rows are routed.
            incoming: The columns whose values depend on the incoming rows.
            triggered: Whether a trigger may set any column.
        """
        if key and set(key) <= set(self.equal):
            return False
        return triggered or not incoming.isdisjoint(self.columns)


@dataclass(frozen=True, slots=True)
class Traits:
    """Traits of a table that its shadow, a plain copy, does not have.

    Attributes:
        partitioned: Whether it is partitioned, so that a ctid alone does not identify a
            row.
        triggered: Whether a trigger may change or skip a row before it is stored.
        ruled: Whether it has rules.
        rewritten: Whether a rule rewrites inserts or updates; COPY ignores rules.
    """

    partitioned: bool = False
    triggered: bool = False
    ruled: bool = False
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What propload needs to know about an existing table.

    Attributes:
        name: Its qualified name.
        columns: Its columns in the table's order.
        primary_key: The primary key's columns in order, or empty.
        unique_keys: The columns of each unique index that is equivalent to a plain
            unique constraint (whole table, plain columns), primary key included.
        empty: Whether it had no row when it was examined.
        inherited: Whether other tables inherit from it: queries then return their rows
            as well.
        referenced: Whether foreign keys of other tables refer to it.
        oid: Its OID: a table that is dropped and created again gets another one.
        cross_row_constraints: The constraints and indexes by which its rows may
            conflict.
        traits: Traits that its shadow does not have.
        assumptions: What is checked again before rows are committed; None for a table
            that only this run knows.
    """

    name: TableName
    columns: tuple[TableColumn, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    empty: bool = False
    inherited: bool = False
    referenced: bool = False
    oid: int | None = None
    cross_row_constraints: tuple[CrossRowConstraint, ...] = ()
    traits: Traits = Traits()
    assumptions: Assumptions | None = None

    def column(self, name: str, /) -> TableColumn | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def columns_fingerprint(self) -> str:
        """A hash of names, types and nullability of the columns, to detect changes."""
        columns = [
            (column.name, column.pg_type, column.nullable) for column in self.columns
        ]
        return hashlib.sha256(json.dumps(columns).encode()).hexdigest()

    def of_shadow(self) -> TableFacts:
        """Return the facts of a plain copy of the table, which a replace fills."""
        constraints = tuple(
            constraint
            for constraint in self.cross_row_constraints
            if constraint.in_shadow
        )
        return replace(
            self, cross_row_constraints=constraints, traits=Traits(), assumptions=None
        )

    def accepts_partial_rows(self, target: Target, /) -> bool:
        """Return whether rows may lack required columns, being parts of stored rows.

        Only new rows that lack one are rejected then. If no row is stored, or none is
        looked for, a missing column is a fault of the whole input.
        """
        return target.mode == "upsert" and not self.empty

    def keeps_unique(self, key: Sequence[str], /) -> bool:
        """Return whether the table keeps the key unique, nulls aside."""
        return any(set(unique) == set(key) for unique in self.unique_keys)
