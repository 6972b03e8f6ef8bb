# ruff: noqa: S608 - what is put into a query is quoted or written in this code
"""The statements that read the catalog and change what tables are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import quoting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from propload.target import TableName


#: The alias by which every session can name its own temporary schema, and the query for
#: the schema's actual name.
TEMPORARY = "pg_temp"
OWN_TEMPORARY = (
    "SELECT nspname FROM pg_catalog.pg_namespace "
    "WHERE oid = pg_catalog.pg_my_temp_schema()"
)


def belongs_to(oid: str, relation: str, /) -> str:
    """Return the condition that a relation is a table or one of its partitions.

    Args:
        oid: The expression of the relation's oid.
        relation: The expression of the table's oid.
    """
    partitions = f"SELECT p.relid FROM pg_catalog.pg_partition_tree({relation}) AS p"
    return f"({oid} = {relation} OR {oid} IN ({partitions}))"


def is_referenced(relation: str, /) -> str:
    """Return the condition that foreign keys of other tables refer to a table.

    References to a single partition count, those of the table to itself do not.

    Args:
        relation: The expression of the table's oid.
    """
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' "
        f"AND {belongs_to('f.confrelid', relation)} "
        f"AND NOT {belongs_to('f.conrelid', relation)})"
    )


def refers_to_itself(key: str, /) -> str:
    """Return the condition that a foreign key leads to the table that it belongs to.

    A table and its partitions count as one: rows of one batch may refer to one another.

    Args:
        key: The alias of `pg_constraint` in the query.
    """
    own, other = (
        f"coalesce(pg_catalog.pg_partition_root({relation})::oid, {relation})"
        for relation in (f"{key}.conrelid", f"{key}.confrelid")
    )
    return f"{own} = {other}"


def is_whole_reference(key: str, /) -> str:
    """Return the condition that a foreign key is not a part of another one.

    A foreign key to a partitioned table has one of its own for each partition there,
    which no single row fulfils: a row needs to be in one partition, not in all.

    Args:
        key: The alias of `pg_constraint` in the query.
    """
    return (
        "NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS whole "
        f"WHERE whole.oid = {key}.conparentid AND whole.conrelid = {key}.conrelid)"
    )


def is_triggered(relation: str, /) -> str:
    """Return the condition that a trigger may skip or change rows of a table.

    Args:
        relation: The expression of the table's oid.
    """
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE NOT g.tgisinternal "
        # row triggers that fire BEFORE
        f"AND g.tgtype & 3 = 3 AND {belongs_to('g.tgrelid', relation)})"
    )


#: The condition that writing one row of the table `c` (of `pg_class`) may change other
#: rows of it: by a trigger, or by a foreign key with an ON UPDATE action that refers to
#: the table, since a chain of them may lead back to it.
MAY_CHANGE_OTHERS = (
    "(EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE NOT g.tgisinternal "
    f"AND {belongs_to('g.tgrelid', 'c.oid')}) "
    "OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' "
    "AND f.confupdtype IN ('c', 'n', 'd') "
    f"AND {belongs_to('f.confrelid', 'c.oid')}))"
)

#: The condition that the index `x` (of `pg_index`) can serve ON CONFLICT as a key: it
#: is unique, valid, immediate, of plain columns and without a condition.
IS_CONFLICT_TARGET = (
    "x.indisunique AND x.indisvalid AND x.indimmediate AND x.indpred IS NULL "
    "AND x.indexprs IS NULL AND NOT x.indisexclusion"
)


def type_name(alias: str, /) -> str:
    """Return the expression of the name by which propload recognizes a type.

    That is the bare name of a type of the server or of an extension. Any other type has
    its namespace before its name, so that it is not mistaken for a type of that name.

    Args:
        alias: The alias of `pg_type` in the query.
    """
    return f"""CASE WHEN {alias}.typnamespace = 'pg_catalog'::regnamespace OR EXISTS (
           SELECT FROM pg_catalog.pg_depend AS x
           WHERE x.classid = 'pg_catalog.pg_type'::regclass
             AND x.objid = {alias}.oid AND x.deptype = 'e')
       THEN {alias}.typname::text
       ELSE ({alias}.typnamespace::regnamespace || '.' || {alias}.typname) END"""


#: A relation by namespace and name. `lacking` names the missing privileges, or is
#: empty. `inherited` does not count partitions, since their keys are unique across all
#: of them. `referenced`: foreign keys of other tables refer to it or to a partition of
#: it. `triggered`: a trigger may skip or change a row before it is stored. `ruled`: it
#: has rules, which MERGE does not support. `rewritten`: a rule may rewrite an INSERT or
#: an UPDATE.
RELATION_QUERY = f"""
SELECT c.oid::int8 AS oid, c.relkind::text AS kind,
       CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE'
            ELSE concat_ws(', ',
                CASE WHEN NOT has_any_column_privilege(c.oid, 'SELECT')
                     THEN 'SELECT' END,
                CASE WHEN NOT has_any_column_privilege(c.oid, 'INSERT')
                     THEN 'INSERT' END) END AS lacking,
       row_security_active(c.oid) AS secured,
       c.relkind = 'r' AND EXISTS (
           SELECT FROM pg_catalog.pg_inherits AS h
           WHERE h.inhparent = c.oid) AS inherited,
       {is_referenced("c.oid")} AS referenced,
       {is_triggered("c.oid")} AS triggered,
       c.relhasrules AS ruled,
       EXISTS (
           SELECT FROM pg_catalog.pg_rewrite AS r
           WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '3')
             AND r.ev_enabled <> 'D') AS rewritten
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
"""

#: The base type of an array's elements, below any domains, and its type modifier.
_WITHIN = """
    WITH RECURSIVE inside AS (
        SELECT e.oid AS type, -1 AS length
        UNION ALL
        SELECT d.typbasetype,
               CASE WHEN i.length = -1 THEN d.typtypmod ELSE i.length END
        FROM inside AS i
        JOIN pg_catalog.pg_type AS d ON d.oid = i.type AND d.typtype = 'd'
    )
    SELECT i.type, i.length FROM inside AS i
    JOIN pg_catalog.pg_type AS d ON d.oid = i.type AND d.typtype <> 'd'"""

#: The columns of a relation, each with its base type below any domains; the result
#: columns are named like the attributes of `TableColumn`. Domains may be based on
#: domains: the type modifier that counts is the one nearest to the column.
COLUMNS_QUERY = f"""
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
SELECT a.attname::text AS name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS pg_type,
       {type_name("t")} AS base,
       t.typtype::text AS kind,
       t.typcategory = 'A' AND t.typelem <> 0 AS is_array,
       b.nullable,
       (b.filled AND a.attgenerated = '') OR a.attidentity <> '' AS has_default,
       a.attgenerated <> '' AS generated,
       a.attidentity = 'a' AS identity,
       b.domain,
       pg_catalog.format_type(b.type, b.length) AS typmod_type,
       {type_name("held")} AS element_base,
       held.typtype::text AS element_kind,
       CASE WHEN c.oid IS NOT NULL
            THEN quote_ident(n.nspname) || '.' || quote_ident(c.collname)
       END AS collation,
       coalesce(NOT c.collisdeterministic, false) AS loose,
       t.typtype IN ('e', 'r', 'm') OR EXISTS (
           SELECT FROM pg_catalog.pg_opclass AS o
           -- btree and hash: other methods need no equality
           WHERE o.opcdefault AND o.opcmethod IN (403, 405) AND (
               o.opcintype = i.oid OR EXISTS (
                   SELECT FROM pg_catalog.pg_cast AS k
                   WHERE k.castmethod = 'b' AND k.castcontext = 'i'
                     AND k.castsource = i.oid AND k.casttarget = o.opcintype))
       ) AS comparable,
       CASE WHEN e.typtype = 'd'
            THEN pg_catalog.format_type(w.type, w.length) END AS element_type,
       coalesce(e.typdelim::text, ',') AS delimiter,
       coalesce(held.typcategory = 'A' AND held.typelem <> 0, false) AS nested
FROM below AS b
JOIN pg_catalog.pg_attribute AS a
     ON a.attrelid = $1::int8::oid AND a.attnum = b.attnum
JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype <> 'd'
LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN LATERAL ({_WITHIN}) AS w ON true
LEFT JOIN pg_catalog.pg_type AS held ON held.oid = w.type
-- what is compared: of an array its elements
JOIN pg_catalog.pg_type AS i
     ON i.oid = CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN t.typelem ELSE t.oid END
LEFT JOIN pg_catalog.pg_collation AS c ON c.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
ORDER BY a.attnum
"""

#: The names of all columns that a relation has or had: a dropped one keeps its number,
#: under a name that the server gives it.
ATTRIBUTES_QUERY = """
SELECT a.attname::text
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0
"""

#: What may let rows of a table conflict with each other, the primary key first: unique
#: indexes and exclusion constraints, including those of single partitions, and foreign
#: keys of the table to itself. `copied`: a copy of the table has it. `usable`: ON
#: CONFLICT can use it (a key WITHOUT OVERLAPS is an exclusion constraint). `key`: its
#: columns in order. `equal`: the columns in which two rows must be equal to conflict.
#: `columns`: all columns that it depends on.
CONFLICT_SOURCES_QUERY = f"""
WITH parts AS (
    SELECT $1::int8::oid AS relation
  UNION
    SELECT p.relid::oid
    FROM pg_catalog.pg_partition_tree(($1::int8::oid)::regclass) AS p
)
SELECT x.indexrelid::int8 AS made, i.relname::text AS name, x.indisprimary AS first,
       x.indrelid = $1::int8::oid AS copied,
       x.indrelid = $1::int8::oid AND {IS_CONFLICT_TARGET} AS usable,
       ARRAY(SELECT a.attname::text
             FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place)
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = x.indrelid AND a.attnum = k.number
             WHERE k.place <= x.indnkeyatts ORDER BY k.place) AS key,
       ARRAY(SELECT a.attname::text
             FROM unnest(x.indkey::int2[], x.indcollation::oid[])
                  AS k (number, ordered_by)
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = x.indrelid AND a.attnum = k.number
             -- in another collation unequal values of the column may be equal
             WHERE a.attcollation = k.ordered_by AND NOT x.indisexclusion) AS equal,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = x.indrelid AND a.attnum > 0
               AND (a.attnum = ANY (x.indkey::int2[]) OR EXISTS (
                   -- columns of its expressions and of its condition
                   SELECT FROM pg_catalog.pg_depend AS d
                   WHERE d.classid = 'pg_catalog.pg_class'::regclass
                     AND d.refclassid = d.classid AND d.objid = x.indexrelid
                     AND d.refobjid = x.indrelid AND d.refobjsubid = a.attnum))
       ) AS columns
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid IN (SELECT relation FROM parts)
  AND (x.indrelid = $1::int8::oid OR NOT i.relispartition)
  AND (x.indisunique OR x.indisexclusion)
UNION ALL
SELECT c.oid::int8, c.conname::text, false, false, false,
       '{{}}'::text[], '{{}}'::text[],
       ARRAY(SELECT DISTINCT a.attname::text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
                OR a.attrelid = c.confrelid AND a.attnum = ANY (c.confkey))
FROM pg_catalog.pg_constraint AS c
WHERE c.conrelid = $1::int8::oid AND c.contype = 'f'
  AND {refers_to_itself("c")} AND {is_whole_reference("c")}
ORDER BY first DESC, made"""

#: Takes an advisory lock on a name until the transaction ends.
LOCK_NAME_QUERY = """
SELECT count(*) FROM (
    SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))) AS held
"""

#: The condition that this user may have the server read files on its machine.
READS_FILES = "pg_has_role(current_user, 'pg_read_server_files', 'USAGE')"

#: The columns of a relation whose own type is jsonb.
JSONB_COLUMNS_QUERY = """
SELECT a.attname::text
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0
  AND NOT a.attisdropped AND a.atttypid = 'pg_catalog.jsonb'::regtype
"""


def copy_from(table: Iterable[str | None], columns: Iterable[str], path: str, /) -> str:
    """Return the statement that copies a file on the server's machine into a table.

    Args:
        table: The table's namespace, or None to leave it out, and its name.
        columns: The columns of the file, in order.
        path: The path of the file, which is in COPY's binary format.
    """
    return (
        f"COPY {quoting.path(table)} ({quoting.names(columns)}) "
        f"FROM {quoting.text(path)} (FORMAT binary)"
    )


def is_empty_query(table: TableName, /) -> str:
    """Return the query for whether a table is empty."""
    return f"SELECT NOT EXISTS (SELECT FROM {quoting.table(table)})"


def create_table_statement(
    table: TableName,
    types: Mapping[str, str],
    /,
    *,
    key: Sequence[str],
    if_not_exists: bool = False,
) -> str:
    """Return the statement that creates a table.

    Args:
        table: Its name.
        types: PostgreSQL types by column, in order.
        key: The columns of the primary key.
        if_not_exists: Whether to do nothing if there is a table of that name.
    """
    parts = []
    for name, pg_type in types.items():
        # rows arrive in byte order, and an index in the same order is filled faster
        order = ' COLLATE "C"' if name in key and pg_type == "text" else ""
        null = " NOT NULL" if name in key else ""
        parts.append(f"{quoting.name(name)} {pg_type}{order}{null}")
    if key:
        parts.append(f"PRIMARY KEY ({quoting.names(key)})")
    body = ", ".join(parts)
    guard = "IF NOT EXISTS " if if_not_exists else ""
    return f"CREATE TABLE {guard}{quoting.table(table)} ({body})"


def add_columns_statement(table: TableName, types: Mapping[str, str], /) -> str:
    """Return the statement that adds columns to a table, unless it has them.

    Args:
        table: Its name.
        types: PostgreSQL types by column.
    """
    parts = [
        f"ADD COLUMN IF NOT EXISTS {quoting.name(name)} {pg_type}"
        for name, pg_type in types.items()
    ]
    return f"ALTER TABLE {quoting.table(table)} {', '.join(parts)}"


def like_statement(copy: TableName, model: TableName, /) -> str:
    """Return the statement that creates an empty copy of a table with LIKE.

    Args:
        copy: The name of the copy.
        model: The table that is copied.
    """
    like = f"LIKE {quoting.table(model)} INCLUDING ALL"
    return f"CREATE TABLE {quoting.table(copy)} ({like})"


def drop_statement(table: TableName, /) -> str:
    """Return the statement that drops a table if it exists."""
    return f"DROP TABLE IF EXISTS {quoting.table(table)}"


def exists_query(table: TableName, /) -> str:
    """Return the query for whether a table exists."""
    return f"SELECT to_regclass({quoting.text(quoting.table(table))}) IS NOT NULL"
