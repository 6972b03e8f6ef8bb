"""What a table is made of, read from the catalog; tables made and widened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from propload.target import TableName

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
        has_default: Whether the server fills it when it is left out.
        generated: Whether the server computes it and refuses values.
        identity: Whether it is an identity column.
        domain: The domain's name where the type is one, else None.
        typmod_type: The type below any domain, with its length or precision;
            the same as `pg_type` where there is no domain.
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


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What propload needs to know of an existing table.

    Attributes:
        name: Its qualified name.
        columns: Its columns in the table's order.
        primary_key: The primary key's columns in order, or empty.
        unique_keys: The columns of each unique index that stands for a plain
            unique constraint (whole table, plain columns), primary key included.
        partitioned: Whether it is a partitioned table.
        empty: Whether it held no row when it was looked at.
    """

    name: TableName
    columns: tuple[TableColumn, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    partitioned: bool = False
    empty: bool = False

    def column(self, name: str, /) -> TableColumn | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)
