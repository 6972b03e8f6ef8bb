"""Plan how rows with some set of columns fit a table, and what does not fit."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW
from propload.errors import SchemaMismatchError
from propload.messages.suggestions import SLIP, nearest
from propload.messages.wording import clear_name, listed_names
from propload.names.look_alikes import look_alikes
from propload.names.type_names import type_name
from propload.postgres.tables.column_plan import plan_column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from propload.postgres.tables.facts import TableColumn, TableFacts
    from propload.target import ColumnPlan, TableName, Target

#: How many column names a message lists; the others are only counted.
NAMES_LISTED = 10


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How rows with some set of columns fit a table.

    Attributes:
        columns: How each column that the table has is sent, in the frame's order.
        new: The columns that the table lacks, and their types.
        unknown: The message about those columns if the target refuses them, or None.
        faults: Messages about everything else that does not fit; each names its column.
        notes: Notes for the reader about columns that are left out.
    """

    columns: tuple[ColumnPlan, ...]
    new: Mapping[str, pl.DataType]
    unknown: str | None
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def require_fit(self) -> None:
        """Raise if the rows do not fit the table.

        Raises:
            SchemaMismatchError: They do not fit; the message names every column that
                is to blame.
        """
        problems = [*([self.unknown] if self.unknown else []), *self.faults]
        if problems:
            raise SchemaMismatchError("; ".join(problems))


def plan_rows(
    frame_schema: Mapping[str, pl.DataType], facts: TableFacts, target: Target, /
) -> RowPlan:
    """Return how rows get into a table.

    Args:
        frame_schema: The names and types of the rows' columns; `propload_row` is
            ignored.
        facts: The table.
        target: Says what to do with columns that the table lacks, and whether rows may
            be parts of stored ones.
    """
    table_columns = {column.name: column for column in facts.columns}
    new = {n: t for n, t in frame_schema.items() if n not in table_columns and n != ROW}
    planned = {
        name: plan_column(table_columns[name], dtype)
        for name, dtype in frame_schema.items()
        if name in table_columns
    }
    faults = [
        _fault_message(table_columns[name], frame_schema[name], target.table)
        for name, plan in planned.items()
        if plan is None
    ]
    if not facts.accepts_partial_rows(target):
        faults += _missing_messages(frame_schema, facts, target.table)
    if target.newest in new and target.on_new_columns == "ignore":
        faults.append(
            f"column {target.newest} orders the versions of a row (newest) and is not "
            f"in the table {target.table}: add it (--on-new-columns add), or name "
            "another"
        )
    alike = look_alikes(new, table_columns)
    if target.on_new_columns == "add" and alike:
        faults.append(look_alike_message(alike, target.table))
    notes = _left_out_notes(alike, target) if target.on_new_columns == "ignore" else ()
    refused = new if target.on_new_columns == "refuse" else {}
    return RowPlan(
        tuple(plan for plan in planned.values() if plan is not None),
        new,
        _unknown_message(
            refused, [n for n in table_columns if n not in frame_schema], target.table
        ),
        tuple(faults),
        notes,
    )


def look_alike_message(alike: Mapping[str, str], table: TableName, /) -> str:
    """Return the message about columns of a table whose names would look the same.

    Args:
        alike: The names, each with the one that it looks like.
        table: The table.
    """
    pairs = "; ".join(
        f"{name!a} and {other!a}" for name, other in [*alike.items()][:NAMES_LISTED]
    )
    return (
        f"columns of {table} would look the same, although their names are written "
        f"differently: {pairs}. Write the name the same way in the source or with a "
        "mapping (--mapping)"
    )


def _left_out_notes(alike: Mapping[str, str], target: Target) -> tuple[str, ...]:
    return tuple(
        f"column {name} is left out, though it looks like one of {target.table}: here "
        f"it is {name!a}, there {other!a}. Write it that way in the source or with a "
        "mapping (--mapping) to load it"
        for name, other in alike.items()
    )


def _unknown_message(
    new: Collection[str], free: Collection[str], table: TableName
) -> str | None:
    """Return the message about columns that a table lacks, or None if it has all."""
    if not new:
        return None
    like = {name.lower(): name for name in free}
    names = []
    for name in [*new][:NAMES_LISTED]:
        near = nearest(name.lower(), like, cutoff=SLIP)
        shown = clear_name(name)
        names.append(f"{shown} ({_suggestion(name, like[near])})" if near else shown)
    more = len(new) - len(names)
    rest = f" and {more:,} more" if more else ""
    is_one = len(new) == 1
    return (
        f"{'column' if is_one else 'columns'} {', '.join(names)}{rest} "
        f"{'is' if is_one else 'are'} not in the table {table}: "
        f"add {'it' if is_one else 'them'} "
        "(--on-new-columns add), or leave such columns out (--on-new-columns ignore)"
    )


def _suggestion(name: str, near: str) -> str:
    question = f"did you mean {near}?"
    if unicodedata.normalize("NFKC", name) != unicodedata.normalize("NFKC", near):
        return question
    # one cannot see that an umlaut is two characters, or a space an unusual one
    return f"{question} here it is {name!a}, there {near!a}"


def _missing_messages(
    names: Collection[str], facts: TableFacts, table: TableName
) -> Iterator[str]:
    lacking = [n.name for n in facts.columns if n.required and n.name not in names]
    if not lacking:
        return
    if len(lacking) == 1:
        lack, them = f"column {lacking[0]} is NOT NULL and has no default", "it"
    else:
        columns = f"columns {listed_names(lacking)}"
        lack, them = f"{columns} are NOT NULL and have no default", "them"
    yield (
        f"{lack} in {table}, and the input lacks {them}: have the source or a mapping "
        f"(--mapping) supply {them}, or set a default in the table"
    )


def _fault_message(column: TableColumn, dtype: pl.DataType, table: TableName) -> str:
    if column.generated:
        subject = f"column {column.name} of {table} is computed by the server"
        return (
            f"{subject}: leave it out of the input, for instance with a mapping of the "
            "columns that are to be loaded (--mapping)"
        )
    is_bits = dtype == pl.Binary and column.base in ("bit", "varbit")
    hint = "; of DuckDB's BIT, SET arrow_lossless_conversion = true" if is_bits else ""
    return (
        f"column {column.name} is {type_name(dtype)}, which has no exact conversion to "
        f"the {column.pg_type} of {table}: use a mapping for the column, or change its "
        f"type in the table{hint}"
    )
