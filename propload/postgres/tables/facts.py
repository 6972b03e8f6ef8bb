"""What a table is made of: its columns, its keys, and what writing must know."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from propload.errors import WriteError
from propload.messages.suggestions import SLIP, nearest
from propload.postgres.sql import quoting
from propload.target import USUAL_ARRAY, ArrayForm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from propload.postgres.tables.assumptions import Assumptions
    from propload.postgres.tables.stored_keys import StoredKeys
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
    """What a table is that its shadow, a plain copy of it, is not.

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
        traits: What its shadow is not.
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

    def needs_key(self, target: Target, /) -> bool:
        """Return whether rows are found by their key, which has to be unique then."""
        if target.mode == "replace":
            return self.referenced and bool(target.key)
        return target.mode != "append"

    def require_mode(self, target: Target, stored: StoredKeys | None = None, /) -> None:
        """Refuse a mode that the table has no room for.

        Args:
            target: The table and its rules.
            stored: What its rows hold, where its key is not unique and that is known.

        Raises:
            WriteError: Rows cannot be found by the key, or the mode reaches further
                than the table itself.
        """
        if target.mode == "append":
            return
        if self.inherited:
            msg = (
                f"other tables inherit from {self.name}: no key is unique over all of "
                "them, and a replace would empty them as well. Load into one of "
                "them, partition the table, or use --mode append"
            )
            raise WriteError(msg, table=str(self.name))
        if self.traits.rewritten:
            msg = (
                f"a rule of {self.name} rewrites what is inserted or updated, which "
                "the server does not allow where rows are found by a key: make it "
                "a trigger, or use --mode append"
            )
            raise WriteError(msg, table=str(self.name))
        if not self.needs_key(target):
            return
        try:
            self.require_key(target.key, stored)
        except WriteError as error:
            if target.mode != "replace":
                raise
            msg = (
                f"other tables refer to {self.name}, so that a replace has to find "
                f"the rows that stay by their key; {error}"
            )
            raise WriteError(msg, table=str(self.name)) from error

    def require_key(
        self, key: Sequence[str], stored: StoredKeys | None = None, /
    ) -> None:
        """Refuse a key that the table does not keep unique.

        Args:
            key: Its columns.
            stored: What rows of the table hold in them, where that is known.

        Raises:
            WriteError: It lacks a column of the key, or a unique constraint.
        """
        missing = [name for name in key if self.column(name) is None]
        if missing:
            raise WriteError(self._lacking(missing), table=str(self.name))
        if self.keeps_unique(key):
            return
        names = quoting.names(key)
        found = "" if stored is None else stored.said(key)
        msg = (
            f"table {self.name} has no unique constraint on ({', '.join(key)}), so its "
            f"rows cannot be found by that key{self._nearly(key)}"
            f"{'; ' if found else ': '}{found}add one "
            f"with ALTER TABLE {quoting.table(self.name)} ADD UNIQUE ({names})"
            f"{self._other_keys()}, or use --mode append"
        )
        raise WriteError(msg, table=str(self.name))

    def _nearly(self, key: Sequence[str]) -> str:
        """Return what is said of what looks like a constraint for that key."""
        found = [
            tie.name
            for tie in self.ties
            # an expression has columns but is equal in none, a condition has others
            if set(key) in (set(tie.columns), set(tie.equal))
        ]
        if not found:
            return ""
        return (
            f" ({', '.join(found)} does not do: it is deferrable, partial, not valid, "
            "or no plain UNIQUE on these columns)"
        )

    def _lacking(self, missing: Sequence[str]) -> str:
        """Return what is said of key columns that the table does not have."""
        known = [column.name for column in self.columns]
        near = [nearest(one, known, cutoff=SLIP) for one in missing]
        hint = f" (did you mean {', '.join(filter(None, near))}?)" if any(near) else ""
        columns, them = ("column", "it") if len(missing) == 1 else ("columns", "them")
        return (
            f"table {self.name} lacks the key {columns} {', '.join(missing)}{hint}: "
            f"create {them} with ALTER TABLE, give a key that the table has (--key "
            "A,B), or load into another table (--table)"
        )

    def _other_keys(self) -> str:
        """Return what else is said of a key that is not unique, as part of a list."""
        parts = []
        if self.traits.partitioned:
            parts.append(
                " (with the columns that the table is partitioned by, or the server "
                "refuses it)"
            )
        keys = " or ".join(f"--key {','.join(unique)}" for unique in self.unique_keys)
        if keys:
            parts.append(f", give a key that it has ({keys})")
        return "".join(parts)
