# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Statements for the shadow that a replace fills, and for the swap at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.postgres.sql.quoting import name, names, table, text
from propload.postgres.sql.tables import (
    is_referenced,
    is_triggered,
    is_whole_reference,
    refers_to_itself,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.target import TableName

#: How the name of every shadow begins.
PREFIX = "propload_shadow_"

#: The shadows that this user may drop, in the schema `propload` and in $1, each with
#: its remark. Membership in the owning role counts only if its privileges are
#: inherited.
FIND_SHADOWS = f"""
SELECT n.nspname::text, c.relname::text, obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND starts_with(c.relname::text, '{PREFIX}')
  AND n.nspname IN ('propload', $1::text) AND pg_has_role(c.relowner, 'USAGE')"""

#: How many rows of a table are counted at most: that takes a second, and the exact
#: number of a larger table is not needed.
MOST_COUNTED = 1_000_000

#: Whether this user may create a shadow in a namespace.
MAY_CREATE = """
SELECT has_schema_privilege(oid, 'CREATE')
FROM pg_catalog.pg_namespace WHERE nspname = $1::text"""

#: The namespace and name of each table of that name.
FIND_TABLES = """
SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relname = $1::text"""

#: Whether a trigger may skip rows of the table.
IS_TRIGGERED = f"SELECT {is_triggered('($1::text)::regclass')}"

#: Each row is checked against the partitions in turn: 24 of them (two years of months)
#: take 1 to 1.5 us a row, about half as long as everything else that stores it.
MOST_PARTITIONS = 24

#: The condition that a row fits into one of the table's partitions, or into the table
#: if it is itself a partition. Null if there are no partitions or too many, or if one
#: takes all rows.
PARTITION_CONDITION = f"""
SELECT CASE WHEN count(*) = count(d.condition) AND count(*) <= {MOST_PARTITIONS}
            THEN string_agg('(' || d.condition || ')', ' OR ') END
FROM pg_catalog.pg_partition_tree(($1::text)::regclass) AS p
CROSS JOIN LATERAL (
    SELECT pg_catalog.pg_get_partition_constraintdef(p.relid)
) AS d (condition)
WHERE p.isleaf"""

#: The foreign keys of a table that refer to other tables: LIKE does not copy them.
FOREIGN_KEYS = f"""
SELECT f.conname::text, pg_catalog.pg_get_constraintdef(f.oid)
FROM pg_catalog.pg_constraint AS f
WHERE f.conrelid = ($1::text)::regclass AND f.contype = 'f'
  AND NOT {refers_to_itself("f")} AND {is_whole_reference("f")}"""

#: Whether rows of a shadow are deleted along with rows of other tables that they refer
#: to (ON DELETE CASCADE).
CASCADES = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint
               WHERE conrelid = ($1::text)::regclass
               AND contype = 'f' AND confdeltype = 'c')"""

#: The columns of a shadow ($1) that have another type in its table ($2); both types.
CHANGED_TYPES = """
SELECT s.attname::text, pg_catalog.format_type(s.atttypid, s.atttypmod),
       pg_catalog.format_type(t.atttypid, t.atttypmod)
FROM pg_catalog.pg_attribute AS s JOIN pg_catalog.pg_attribute AS t USING (attname)
WHERE s.attrelid = ($1::text)::regclass AND s.attnum > 0 AND NOT s.attisdropped
  AND t.attrelid = ($2::text)::regclass AND t.attnum > 0 AND NOT t.attisdropped
  AND (s.atttypid, s.atttypmod) <> (t.atttypid, t.atttypmod)
ORDER BY s.attnum"""

#: The columns of a table that an update may set.
SETTABLE_COLUMNS = """
SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = ($1::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated = '' AND a.attidentity <> 'a'
"""

#: Whether another table refers to the table, so that it cannot be truncated.
IS_REFERENCED = f"SELECT {is_referenced('($1::text)::regclass')}"

#: Whether other tables inherit from the table, which would be emptied as well, and
#: whether row-level security may hide rows from this user, which would stay.
INHERITED_OR_SECURED = """
SELECT c.relkind = 'r' AND EXISTS (
    SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid),
    row_security_active(c.oid)
FROM pg_catalog.pg_class AS c WHERE c.oid = ($1::text)::regclass"""

#: The names of a shadow's indexes, each with that of the index it was copied from: they
#: have the same definition, and equal ones are paired in the order of creation. LIKE
#: keeps the names of all other constraints.
INDEX_PAIRS = """
WITH indexes AS (
    SELECT i.indrelid, c.relname, i.indisunique, i.indisprimary, d.definition,
           row_number() OVER (
               PARTITION BY i.indrelid, i.indisunique, i.indisprimary, d.definition
               ORDER BY i.indexrelid) AS place
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    CROSS JOIN LATERAL (
        SELECT substring(pg_catalog.pg_get_indexdef(c.oid) FROM ' USING .*')
    ) AS d (definition)
    WHERE i.indrelid IN (($1::text)::regclass, ($2::text)::regclass)
)
SELECT s.relname::text, t.relname::text
FROM indexes AS s
JOIN indexes AS t USING (indisunique, indisprimary, definition, place)
WHERE s.indrelid = ($1::text)::regclass AND t.indrelid = ($2::text)::regclass"""


def count_at_most(target: TableName, /) -> str:
    """Return the query for how many rows a table holds, `MOST_COUNTED` + 1 at most."""
    first_rows = f"SELECT FROM {table(target)} LIMIT {MOST_COUNTED + 1}"
    return f"SELECT pg_catalog.count(*) FROM ({first_rows}) AS held"


def add_key(shadow: TableName, key: Sequence[str], /) -> str:
    """Return the statement that adds to a shadow a unique key that its target lacks."""
    return f"CREATE UNIQUE INDEX ON {table(shadow)} ({names(key)})"


def add_constraint(shadow: TableName, constraint: str, definition: str, /) -> str:
    """Return the statement that adds a constraint to a shadow.

    Args:
        shadow: The shadow.
        constraint: The constraint's name.
        definition: Its definition, as SQL.
    """
    return f"ALTER TABLE {table(shadow)} ADD CONSTRAINT {name(constraint)} {definition}"


def truncate(shadow: TableName, /) -> str:
    """Return the statement that removes all rows from a shadow."""
    return f"TRUNCATE {table(shadow)}"


def column_names(shadow: TableName, /) -> str:
    """Return the query for the names of a shadow's columns; none if it is gone."""
    return (
        "SELECT attname::text FROM pg_catalog.pg_attribute WHERE attnum > 0 AND NOT "
        f"attisdropped AND attrelid = to_regclass({text(table(shadow))})"
    )


def set_remark(shadow: TableName, remark: str, /) -> str:
    """Return the statement that sets a shadow's remark; an empty one removes it."""
    return f"COMMENT ON TABLE {table(shadow)} IS {text(remark)}"


def read_remark(shadow: TableName, /) -> str:
    """Return the query for a shadow's remark."""
    return f"SELECT obj_description(to_regclass({text(table(shadow))}), 'pg_class')"


def count(shadow: TableName, /) -> str:
    """Return the query for how many rows a shadow holds."""
    return f"SELECT count(*) FROM {table(shadow)}"


@dataclass(frozen=True, slots=True)
class SwapStatements:
    """The statements that replace the target's rows with the shadow's.

    Attributes:
        remove_old_rows: Removes old rows; it is run first.
        fill: Stores the rows of the shadow in the target.
        counts_all_rows: Whether the row count of `fill` covers every row of the shadow.
    """

    remove_old_rows: str
    fill: str
    counts_all_rows: bool = True


def lock(target: TableName, /, *, referenced: bool) -> str:
    """Return the statement that locks a table against changes until the commit.

    Args:
        target: The table.
        referenced: Whether other tables refer to it: then it is not truncated, and can
            still be read meanwhile.
    """
    mode = "SHARE ROW EXCLUSIVE" if referenced else "ACCESS EXCLUSIVE"
    return f"LOCK TABLE {table(target)} IN {mode} MODE"


def swap(
    target: TableName,
    shadow: TableName,
    columns: Sequence[str],
    key: Sequence[str],
    /,
    *,
    reset: Sequence[str] = (),
    referenced: bool,
) -> SwapStatements:
    """Return the statements that replace the target's rows with the shadow's.

    The table itself stays, with its grants, indexes, views and policies.

    Args:
        target: The table.
        shadow: Its shadow.
        columns: The columns that the rows were sent with.
        key: The columns of the key, or empty.
        reset: The columns that an update sets to their defaults, because no row was
            sent with them.
        referenced: Whether other tables refer to the target. Then rows whose keys are
            in the shadow are updated, and only the others are deleted.
    """
    listed = names(columns)
    order = f" ORDER BY {names(key)}" if key else ""
    fill = (
        f"INSERT INTO {table(target)} ({listed}) OVERRIDING SYSTEM VALUE "
        f"SELECT {listed} FROM {table(shadow)}{order}"
    )
    if not referenced:
        return SwapStatements(f"TRUNCATE {table(target)}", fill)
    if not key:
        return SwapStatements(f"DELETE FROM {table(target)}", fill)
    same = " AND ".join(f"t.{name(each)} = w.{name(each)}" for each in key)
    delete = (
        f"DELETE FROM {table(target)} AS t WHERE NOT EXISTS "
        f"(SELECT FROM {table(shadow)} AS w WHERE {same})"
    )
    values = [each for each in columns if each not in key]
    settings = [f"{name(each)} = excluded.{name(each)}" for each in values]
    settings += [f"{name(each)} = DEFAULT" for each in reset]
    action = f"DO UPDATE SET {', '.join(settings)}" if settings else "DO NOTHING"
    fill = f"{fill} ON CONFLICT ({names(key)}) {action}"
    return SwapStatements(delete, fill, counts_all_rows=bool(settings))
