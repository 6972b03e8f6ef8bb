"""A target as the statements need it: the columns that are sent, and their rules."""

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
    """A column that is sent.

    Attributes:
        plan: How it is sent.
        collation: The quoted name of its collation, or None.
        compare: How values are compared: `value`, by the equality of the type; `bytes`,
            by the bytes of a text; `text`, as text because the type has no equality or
            ignores case; `form`, as text because values that the type holds equal may
            be written differently (their order is that of the type).
        canonical: An expression with `{}` for the value; as text, its result is the
            same for all equal values, whatever their length or scale.
        settable: Whether an UPDATE may set it (not if it is GENERATED ALWAYS AS
            IDENTITY).
        nullable: Whether the table takes nulls in it.
        server_equality: Whether values that differ in the frame may be equal to the
            server.
        of_domain: Whether its type is a domain, which may itself refuse nulls.
    """

    plan: ColumnPlan
    collation: str | None = None
    compare: Comparison = "value"
    canonical: str = "{}"
    settable: bool = True
    nullable: bool = True
    server_equality: bool = False
    of_domain: bool = False

    @property
    def name(self) -> str:
        """The column's name."""
        return self.plan.column

    @property
    def stage_type(self) -> str:
        """The type in the stage: without a length; of a text, with its collation."""
        bare = casts.stage_type(self.plan)
        if bare == "text" and self.plan.pg_type.startswith(_PADDED):
            # as text, values that differ only in trailing blanks would not be equal
            bare = "bpchar"
        # a key with another collation than the table's could not be compared with it
        takes = self.collation and bare in ("text", "bpchar")
        return f"{bare} COLLATE {self.collation}" if takes else bare

    @property
    def cast_type(self) -> str | None:
        """The type that a staged value is cast to, or None if it needs no cast."""
        return casts.cast_type(self.plan)


@dataclass(frozen=True, slots=True)
class Shape:
    """A table, the columns that are sent, and what happens to rows with the same key.

    Attributes:
        table: The table that is written: the target, or its shadow.
        columns: The columns that are sent, in the frame's order.
        key: The columns of the key.
        newest: The column that orders versions of a row, or None.
        mode: What happens to a row whose key is stored already.
        on_null: Whether a null overwrites a stored value.
        required: Columns that are not sent, are NOT NULL and have no default: a stored
            row keeps its own value.
        direct: Whether COPY may write the table itself: no column is sent as text, and
            no trigger or rule can skip or change a row.
        triggered: Whether a trigger may skip or change a row.
        partitioned: Whether the table is partitioned, so that a ctid alone does not
            identify a row.
        supports_merge: Whether MERGE can write the table and return what it did.
        counts_by: How an update is told from an insert: `old` (from PostgreSQL 18 on),
            `xmax`, or `sequence` for partitioned tables of older servers.
        shadow_names: The target's names for what server messages name of its shadow.
        cross_key_constraints: The constraints and indexes by which rows with different
            keys may conflict with each other.
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
    supports_merge: bool = False
    counts_by: Literal["old", "xmax", "sequence"] = "xmax"
    shadow_names: ShadowNames = field(default_factory=ShadowNames)
    cross_key_constraints: tuple[str, ...] = ()

    @property
    def key_has_server_equality(self) -> bool:
        """Whether keys that differ in a frame may be equal to the server."""
        return self.has_server_equality(self.key)

    def has_server_equality(self, key: Iterable[str], /) -> bool:
        """Return whether only the server can tell which values of a key are equal."""
        return any(self.column(name).server_equality for name in key)

    @property
    def may_skip_changed(self) -> bool:
        """Whether a row may be skipped although it differs from the stored one."""
        return bool(self.key) and (self.mode == "insert-new" or self.newest is not None)

    @property
    def single_lane_reason(self) -> str | None:
        """Why rows with different keys cannot be written concurrently, or None."""
        ambiguous = [name for name in self.key if self.column(name).server_equality]
        if ambiguous:
            columns = ", ".join(ambiguous)
            return f"only the server knows which values of {columns} are equal"
        names = self.cross_key_constraints
        if names:
            verb = "ties" if len(names) == 1 else "tie"
            return self.shadow_names.replace_in_text(
                f"{', '.join(names)} of {self.table} {verb} its rows to one another"
            )
        return None

    @property
    def fixed_columns_notice(self) -> str | None:
        """The notice to the user about columns that no UPDATE may set, or None."""
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

    def patched_columns(self, layer: pl.DataFrame, /) -> tuple[str, ...]:
        """Return NOT NULL columns whose nulls in a layer leave the stored value."""
        if self.on_null != "keep":
            return ()
        return tuple(
            column.name
            for column in self.values
            if not column.nullable and layer[column.name].null_count()
        )

    def erasing_columns(self, layer: pl.DataFrame, /) -> tuple[str, ...]:
        """Return the columns whose nulls in a layer erase stored values."""
        if self.mode != "upsert" or self.on_null != "overwrite":
            return ()
        return tuple(
            column.name
            for column in self.values
            if column.settable and layer[column.name].null_count()
        )

    def column(self, name: str, /) -> ColumnShape:
        """Return the column of that name, which is sent."""
        return next(each for each in self.columns if each.name == name)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two rows with the same key, in a statement.

    Attributes:
        alias: The alias by which its columns are read.
        staged: Whether it is in the stage, so that its values are cast.
    """

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
