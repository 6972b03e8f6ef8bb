# ruff: noqa: S608 - names are quoted, values are made into literals here
"""A shadow of a table that a replace fills, and the swap at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.postgres.sql.quoting import name, names, table, text
from propload.postgres.sql.tables import referenced, triggered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.target import TableName

#: How the name of every shadow begins.
PREFIX = "propload_shadow_"

#: Shadows that this user may drop, in the two places where they can be, with what is
#: noted of them: a member of a role that does not inherit its rights may not.
SHADOWS = f"""
SELECT n.nspname::text, c.relname::text, obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND starts_with(c.relname::text, '{PREFIX}')
  AND n.nspname IN ('propload', $1::text) AND pg_has_role(c.relowner, 'USAGE')"""

#: Rows of a table that are counted: a second's work, and what has more has many.
MOST_COUNTED = 1_000_000

#: Whether this user may make a shadow in a namespace.
MAY_CREATE = """
SELECT has_schema_privilege(oid, 'CREATE')
FROM pg_catalog.pg_namespace WHERE nspname = $1::text"""

#: Where a shadow is.
NAMED = """
SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relname = $1::text"""

#: Whether a trigger may skip rows of the table.
TRIGGERED = f"SELECT {triggered('($1::text)::regclass')}"

#: Each row is held against the partitions in turn: 24, two years of months, take 1 to
#: 1.5 us a row, about half as much as the rest of its way into the table.
MOST_PARTITIONS = 24

#: The condition that a row has a partition, or is of the partition that the table is;
#: null where there is none, or where one takes all rows.
PLACED = f"""
SELECT CASE WHEN count(*) = count(d.condition) AND count(*) <= {MOST_PARTITIONS}
            THEN string_agg('(' || d.condition || ')', ' OR ') END
FROM pg_catalog.pg_partition_tree(($1::text)::regclass) AS p
CROSS JOIN LATERAL (
    SELECT pg_catalog.pg_get_partition_constraintdef(p.relid)
) AS d (condition)
WHERE p.isleaf"""

#: Foreign keys of a table to others: LIKE does not copy them.
FOREIGN_KEYS = """
SELECT conname::text, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
WHERE conrelid = ($1::text)::regclass AND contype = 'f' AND confrelid <> conrelid"""

#: Whether rows of a shadow go with the rows of other tables that they refer to.
CASCADES = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint
               WHERE conrelid = ($1::text)::regclass
               AND contype = 'f' AND confdeltype = 'c')"""

#: Columns of a shadow that have another type in its table: both types.
RETYPED = """
SELECT s.attname::text, pg_catalog.format_type(s.atttypid, s.atttypmod),
       pg_catalog.format_type(t.atttypid, t.atttypmod)
FROM pg_catalog.pg_attribute AS s JOIN pg_catalog.pg_attribute AS t USING (attname)
WHERE s.attrelid = ($1::text)::regclass AND s.attnum > 0 AND NOT s.attisdropped
  AND t.attrelid = ($2::text)::regclass AND t.attnum > 0 AND NOT t.attisdropped
  AND (s.atttypid, s.atttypmod) <> (t.atttypid, t.atttypmod)
ORDER BY s.attnum"""

#: The columns of a table that an update may set.
SETTABLE = """
SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = ($1::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated = '' AND a.attidentity <> 'a'
"""

#: Whether another table points here, so that the table cannot be truncated.
REFERENCED = f"SELECT {referenced('($1::text)::regclass')}"

#: Whether others inherit from the table, which would be emptied with it, and whether
#: row-level security hides rows of it, which would stay.
REACH = """
SELECT c.relkind = 'r' AND EXISTS (
    SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid),
    row_security_active(c.oid)
FROM pg_catalog.pg_class AS c WHERE c.oid = ($1::text)::regclass"""

#: Indexes of a shadow beside those they were copied from, by name: of the same
#: definition, in the order in which they were made. LIKE keeps the names of all
#: other constraints.
TWINS = """
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


def count_at_most(of: TableName, /) -> str:
    """Return the query for how many rows a table holds, as far as they are counted."""
    some = f"SELECT FROM {table(of)} LIMIT {MOST_COUNTED + 1}"
    return f"SELECT pg_catalog.count(*) FROM ({some}) AS held"


def add_key(shadow: TableName, key: Sequence[str], /) -> str:
    """Return the statement that gives a shadow a key that its target lacks."""
    return f"CREATE UNIQUE INDEX ON {table(shadow)} ({names(key)})"


def add_constraint(shadow: TableName, constraint: str, definition: str, /) -> str:
    """Return the statement that gives a shadow a constraint, as the server wrote it."""
    return f"ALTER TABLE {table(shadow)} ADD CONSTRAINT {name(constraint)} {definition}"


def empty(shadow: TableName, /) -> str:
    """Return the statement that takes all rows out of a shadow."""
    return f"TRUNCATE {table(shadow)}"


def columns_of(shadow: TableName, /) -> str:
    """Return the query for the names of a shadow's columns: none where it is gone."""
    return (
        "SELECT attname::text FROM pg_catalog.pg_attribute WHERE attnum > 0 AND NOT "
        f"attisdropped AND attrelid = to_regclass({text(table(shadow))})"
    )


def note(shadow: TableName, remark: str, /) -> str:
    """Return the statement that keeps a remark with a shadow; an empty one is none."""
    return f"COMMENT ON TABLE {table(shadow)} IS {text(remark)}"


def noted(shadow: TableName, /) -> str:
    """Return the query for the remark that is kept with a shadow."""
    return f"SELECT obj_description(to_regclass({text(table(shadow))}), 'pg_class')"


def count(shadow: TableName, /) -> str:
    """Return the query for how many rows a shadow holds."""
    return f"SELECT count(*) FROM {table(shadow)}"


@dataclass(frozen=True, slots=True)
class SwapStatements:
    """The statements that put a shadow's rows in place of the target's.

    Attributes:
        make_room: What goes first.
        fill: The statement that takes over the rows.
        tells_all: Whether it tells of each row of the shadow that it took over.
    """

    make_room: str
    fill: str
    tells_all: bool = True


def lock(target: TableName, /, *, referenced: bool) -> str:
    """Return the statement that keeps a table as it is until the commit.

    Args:
        target: The table.
        referenced: Whether other tables point to it, so that it is not truncated and
            can be read meanwhile.
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
    others: Sequence[str] = (),
    referenced: bool,
) -> SwapStatements:
    """Return the statements that put the shadow's rows in place of the target's.

    The table itself stays, with its grants, indexes, views and policies.

    Args:
        target: The table.
        shadow: Its shadow.
        columns: The columns that rows came with.
        key: The key's columns, or empty.
        others: The columns that rows came without: they take their defaults.
        referenced: Whether other tables point to the target: then only the rows
            whose key is gone are deleted.
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
    gone = (
        f"DELETE FROM {table(target)} AS t WHERE NOT EXISTS "
        f"(SELECT FROM {table(shadow)} AS w WHERE {same})"
    )
    values = [each for each in columns if each not in key]
    settings = [f"{name(each)} = excluded.{name(each)}" for each in values]
    settings += [f"{name(each)} = DEFAULT" for each in others]
    action = f"DO UPDATE SET {', '.join(settings)}" if settings else "DO NOTHING"
    fill = f"{fill} ON CONFLICT ({names(key)}) {action}"
    return SwapStatements(gone, fill, tells_all=bool(settings))
