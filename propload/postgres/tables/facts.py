"""What a table is made of: its columns, its keys, and what writing must know."""

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
        base: The catalog's name of the type below any domain: `numeric`,
            `int4`; an array's begins with an underscore: `_text`.
        kind: What the base type is.
        nullable: Whether it takes null.
        has_default: Whether the server fills it when it is left out, from a
            default or as an identity.
        generated: Whether the server computes it and refuses values.
        identity: Whether it is GENERATED ALWAYS AS IDENTITY: an insert must
            override it, an update cannot set it.
        domain: The domain's name where the type is one, else None.
        typmod_type: The type below any domain, with its length or precision;
            the same as `pg_type` where there is no domain.
        element_base: The catalog's name of an array's element type below any domain.
        element_kind: What that type is.
        element_type: That type with its length where the elements are of a domain,
            else None.
        collation: The quoted name of its collation, or None.
        loose: Whether that holds unequal texts equal.
        comparable: Whether the type has an equality that indexes would use.
        array: How an array's text is written.
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
        """Whether a new row has to bring a value."""
        return not (self.nullable or self.has_default or self.generated)

    def element(self) -> TableColumn:
        """Return an array's element, of arrays in it theirs, as if it were a column."""
        array = self.typmod_type or self.pg_type
        base = self.element_base or self.base.removeprefix("_")
        pg_type = self.element_type or array.removesuffix("[]")
        found = TableColumn(self.name, pg_type, base, self.element_kind)
        return found.element() if self.array.nested else found


@dataclass(frozen=True, slots=True)
class Tie:
    """A constraint or index by which one row may refuse another.

    Attributes:
        name: Its name.
        equal: The columns in which two rows must be equal to collide.
        columns: All columns that it looks at.
        copied: Whether a copy of the table, its shadow, has it too.
    """

    name: str
    equal: tuple[str, ...]
    columns: tuple[str, ...]
    copied: bool

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


@dataclass(frozen=True, slots=True)
class Traits:
    """Traits of a table that its shadow, a plain copy, does not have.

    Attributes:
        partitioned: Whether a row's place alone does not find it again.
        triggered: Whether a trigger may change or skip a row before it is stored.
        ruled: Whether it has rules.
        rewritten: Whether one of them rewrites what is inserted or updated; COPY does
            not heed it.
    """

    partitioned: bool = False
    triggered: bool = False
    ruled: bool = False
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What propload needs to know of an existing table.

    Attributes:
        name: Its qualified name.
        columns: Its columns in the table's order.
        primary_key: The primary key's columns in order, or empty.
        unique_keys: The columns of each unique index that stands for a plain
            unique constraint (whole table, plain columns), primary key included.
        empty: Whether it held no row when it was looked at.
        inherited: Whether other tables inherit from it, whose rows it shows as well.
        referenced: Whether rows of other tables refer to it.
        oid: Its number: one that is dropped and made again has another.
        ties: By what its rows may refuse one another.
        traits: What its shadow does not share.
        assumptions: What is looked at again before rows are committed; None of a table
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
    ties: tuple[Tie, ...] = ()
    traits: Traits = Traits()
    assumptions: Assumptions | None = None

    def column(self, name: str, /) -> TableColumn | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def columns_mark(self) -> str:
        """What changes when rows would be cast, routed or refused otherwise."""
        told = [(one.name, one.pg_type, one.nullable) for one in self.columns]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def of_shadow(self) -> TableFacts:
        """Return the facts of a plain copy of the table, which a replace fills."""
        copied = tuple(tie for tie in self.ties if tie.copied)
        return replace(self, ties=copied, traits=Traits(), assumptions=None)

    def takes_parts(self, target: Target, /) -> bool:
        """Return whether rows may be parts of stored ones: new ones are refused then.

        Where no row is stored, or none is looked for, a missing column is a mistake.
        """
        return target.mode == "upsert" and not self.empty

    def keeps_unique(self, key: Sequence[str], /) -> bool:
        """Return whether no two rows have the same key, nulls aside."""
        return any(set(unique) == set(key) for unique in self.unique_keys)
