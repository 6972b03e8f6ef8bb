# ruff: noqa: S608 - what is put into a query is quoted or written in this code
"""The statements that read the catalog and change what tables are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import quoting
from propload.postgres.sql.catalog import referenced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propload.target import TableName

#: A relation by namespace and name: oid, kind, the right that is missing (or an
#: empty text), whether row-level security holds, whether other tables inherit from
#: it (partitions do not count: their keys are unique together), whether rows of other
#: tables refer to it or to a part of it.
RELATION_QUERY = f"""
SELECT c.oid::int8, c.relkind::text,
       CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE'
            WHEN NOT has_table_privilege(c.oid, 'INSERT') THEN 'INSERT'
            WHEN NOT has_any_column_privilege(c.oid, 'SELECT') THEN 'SELECT'
            ELSE '' END,
       row_security_active(c.oid),
       c.relkind = 'r' AND EXISTS (
           SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid),
       {referenced("c.oid")}
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
"""

#: The columns of a relation, each with its type below any domain. A domain may
#: stand on another one; the length is the one written nearest to the column.
COLUMNS_QUERY = """
WITH RECURSIVE below AS (
    SELECT a.attnum, a.atttypid AS type, a.atttypmod AS length,
           NULL::text COLLATE "C" AS domain,
           NOT a.attnotnull AS nullable, a.atthasdef AS filled
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, t.typbasetype,
           CASE WHEN b.length = -1 THEN t.typtypmod ELSE b.length END,
           coalesce(b.domain, t.typname::text COLLATE "C"),
           b.nullable AND NOT t.typnotnull,
           b.filled OR t.typdefault IS NOT NULL
    FROM below AS b
    JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype = 'd'
)
SELECT a.attname::text,
       pg_catalog.format_type(a.atttypid, a.atttypmod),
       t.typname::text,
       t.typtype::text,
       t.typcategory = 'A' AND t.typelem <> 0,
       b.nullable,
       (b.filled AND a.attgenerated = '') OR a.attidentity <> '',
       a.attgenerated <> '',
       a.attidentity = 'a',
       b.domain,
       pg_catalog.format_type(b.type, b.length),
       e.typname::text,
       e.typtype::text
FROM below AS b
JOIN pg_catalog.pg_attribute AS a
     ON a.attrelid = $1::int8::oid AND a.attnum = b.attnum
JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype <> 'd'
LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
ORDER BY a.attnum
"""

#: The names of all columns that a relation has or had: a dropped one keeps its
#: place, under a name of the server's own.
PLACES_QUERY = """
SELECT a.attname::text
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0
"""

#: Unique indexes that ON CONFLICT can use, the primary key first. A key WITHOUT
#: OVERLAPS (PostgreSQL 18) is an exclusion, which ON CONFLICT cannot update by.
UNIQUE_KEYS_QUERY = """
SELECT i.indisprimary,
       array_agg(a.attname::text ORDER BY k.place)
FROM pg_catalog.pg_index AS i
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
JOIN pg_catalog.pg_attribute AS a
     ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = $1::int8::oid AND i.indisunique AND i.indisvalid
  AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT i.indisexclusion AND k.place <= i.indnkeyatts
GROUP BY i.indexrelid, i.indisprimary
ORDER BY i.indisprimary DESC, i.indexrelid
"""

#: The columns of a relation whose own type is jsonb.
JSONB_COLUMNS_QUERY = """
SELECT a.attname::text
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0
  AND NOT a.attisdropped AND a.atttypid = 'pg_catalog.jsonb'::regtype
"""


def is_empty_query(table: TableName, /) -> str:
    """Return the query whether a table holds no row."""
    return f"SELECT NOT EXISTS (SELECT FROM {quoting.table(table)})"


def lock_name_query() -> str:
    """Return the query that holds a name against others until the commit."""
    return (
        "SELECT count(*) FROM (SELECT "
        "pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))) AS held"
    )


def create_table_statement(
    table: TableName,
    types: Mapping[str, str],
    /,
    *,
    key: Sequence[str],
) -> str:
    """Return the statement that makes a table unless it is there.

    Args:
        table: Its name.
        types: PostgreSQL types by column, in order.
        key: The primary key's columns.
    """
    parts = []
    for name, pg_type in types.items():
        # rows come in byte order, and an index in that order fills faster
        order = ' COLLATE "C"' if name in key and pg_type == "text" else ""
        null = " NOT NULL" if name in key else ""
        parts.append(f"{quoting.name(name)} {pg_type}{order}{null}")
    if key:
        parts.append(f"PRIMARY KEY ({quoting.names(key)})")
    body = ", ".join(parts)
    return f"CREATE TABLE IF NOT EXISTS {quoting.table(table)} ({body})"


def add_columns_statement(table: TableName, types: Mapping[str, str], /) -> str:
    """Return the statement that gives a table more columns.

    Args:
        table: Its name.
        types: PostgreSQL types by column.
    """
    parts = [
        f"ADD COLUMN IF NOT EXISTS {quoting.name(name)} {pg_type}"
        for name, pg_type in types.items()
    ]
    return f"ALTER TABLE {quoting.table(table)} {', '.join(parts)}"
