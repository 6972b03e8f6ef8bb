"""A target as the statements see it: which columns travel, and how each compares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from propload.postgres.sql import casts, quoting
from propload.postgres.sql.shadow_names import ShadowNames

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from propload.target import ColumnPlan, Mode, OnNull, TableName

_PADDED = ("character(", "bpchar")

Comparison = Literal["value", "bytes", "text", "form"]


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """A column that travels.

    Attributes:
        plan: How it travels.
        collation: The quoted name of its collation, or None.
        compare: How two values are told apart: by the type's own equality, by
            the bytes of a text, as text where the type has no equality, or by their
            form as text where equal values may differ, which the type then orders.
        canonical: An expression with `{}` for the value, whose text is the same
            for equal values of any length or scale.
        settable: Whether an UPDATE may set it (identity ALWAYS may not).
        nullable: Whether the table takes null.
        loose: Whether values that differ in the frame may be equal to the server.
        of_domain: Whether its type is a domain, which may refuse a null by itself.
    """

    plan: ColumnPlan
    collation: str | None = None
    compare: Comparison = "value"
    canonical: str = "{}"
    settable: bool = True
    nullable: bool = True
    loose: bool = False
    of_domain: bool = False

    @property
    def name(self) -> str:
        """The column's name."""
        return self.plan.column

    @property
    def stage_type(self) -> str:
        """The type in the stage, which refuses nothing but the value itself."""
        bare = casts.stage_type(self.plan)
        if bare == "text" and self.plan.pg_type.startswith(_PADDED):
            # as text, trailing blanks would tell equal values apart
            bare = "bpchar"
        # a key without the table's own collation could not be compared with it
        takes = self.collation and bare in ("text", "bpchar")
        return f"{bare} COLLATE {self.collation}" if takes else bare

    @property
    def cast_type(self) -> str | None:
        """The type that a staged value is cast to, or None where it is of it."""
        return casts.cast_type(self.plan)


@dataclass(frozen=True, slots=True)
class Shape:
    """A table, its travelling columns, and what happens where rows meet.

    Attributes:
        table: The table that is written: the target, or its shadow.
        columns: The columns that travel, in the frame's order.
        key: The key's columns.
        newest: The column that orders versions, or None.
        mode: What happens to a row whose key is stored.
        on_null: Whether a null erases a stored value.
        required: Columns that do not travel, are NOT NULL and have no default:
            an existing row keeps its own.
        direct: Whether COPY may write the table itself: no column is carried
            as text, no trigger or rule can skip or change a row.
        triggered: Whether a trigger may change or skip a row.
        partitioned: Whether a row's place alone does not find it again.
        merges: Whether the server's MERGE answers with what it did.
        counts_by: How an update is told from an insert: `old` (PostgreSQL 18),
            `xmax`, or `sequence` for partitions of older servers.
        shadow_names: What the target calls what the server names of its shadow.
        tied_by: The constraints and indexes by which rows of different keys may
            refuse one another.
    """

    table: TableName
    columns: tuple[ColumnShape, ...]
    key: tuple[str, ...] = ()
    newest: str | None = None
    mode: Mode = "upsert"
    on_null: OnNull = "overwrite"
    required: tuple[str, ...] = ()
    direct: bool = True
    triggered: bool = False
    partitioned: bool = False
    merges: bool = False
    counts_by: Literal["old", "xmax", "sequence"] = "xmax"
    shadow_names: ShadowNames = field(default_factory=ShadowNames)
    tied_by: tuple[str, ...] = ()

    @property
    def loose_key(self) -> bool:
        """Whether a frame may hold a key twice although its own keys differ."""
        return self.is_loose(self.key)

    def is_loose(self, key: Iterable[str], /) -> bool:
        """Return whether only the server knows which values of a key are equal."""
        return any(self.column(name).loose for name in key)

    @property
    def passes_over(self) -> bool:
        """Whether a stored row may stay whatever the row holds that meets it."""
        return bool(self.key) and (self.mode == "insert-new" or self.newest is not None)

    @property
    def bound(self) -> str | None:
        """Why rows of different keys may not be written at once, or None."""
        loose = [name for name in self.key if self.column(name).loose]
        if loose:
            return f"only the server knows which values of {', '.join(loose)} are equal"
        if self.tied_by:
            verb = "ties" if len(self.tied_by) == 1 else "tie"
            return self.shadow_names.in_text(
                f"{', '.join(self.tied_by)} of {self.table} {verb} its rows to one "
                "another"
            )
        return None

    @property
    def kept(self) -> str | None:
        """What is told of columns that no UPDATE may set, or None."""
        fixed = [each.name for each in self.values if not each.settable]
        if self.mode != "upsert" or not fixed:
            return None
        return (
            f"rows that are stored keep their {', '.join(fixed)}, whatever comes: "
            f"{self.table} has it GENERATED ALWAYS AS IDENTITY. Leave it out of the "
            "input, or make it BY DEFAULT with ALTER TABLE"
        )

    @property
    def values(self) -> tuple[ColumnShape, ...]:
        """The columns outside the key."""
        return tuple(each for each in self.columns if each.name not in self.key)

    def patched(self, layer: pl.DataFrame, /) -> tuple[str, ...]:
        """Return columns whose nulls must not reach a column that takes none."""
        if self.on_null != "keep":
            return ()
        return tuple(
            column.name
            for column in self.values
            if not column.nullable and layer[column.name].null_count()
        )

    def erasing(self, layer: pl.DataFrame, /) -> tuple[str, ...]:
        """Return columns whose nulls erase what stored rows hold."""
        if self.mode != "upsert" or self.on_null != "overwrite":
            return ()
        return tuple(
            column.name
            for column in self.values
            if column.settable and layer[column.name].null_count()
        )

    def column(self, name: str, /) -> ColumnShape:
        """Return the travelling column of that name."""
        return next(each for each in self.columns if each.name == name)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two rows that meet: the alias its columns are read through."""

    alias: str
    staged: bool = False

    def __call__(self, column: ColumnShape, /) -> str:
        """Return the expression of a column's value on this side."""
        value = f"{self.alias}.{quoting.name(column.name)}"
        return casts.cast_sql(column.plan, value) if self.staged else value


INCOMING = Side("s", staged=True)
STORED = Side("o")
PROPOSED = Side("excluded")
CURRENT = Side("t")
