# ruff: noqa: S608 - only numbers and conditions of this code are put into a query
"""The rules that a table has for single rows: constraints, unique keys, partitions."""

from __future__ import annotations

from dataclasses import dataclass

from propload.postgres.sql.tables import is_whole_reference, refers_to_itself

#: The checks, foreign keys and unique keys that are enforced for new rows: name, kind,
#: expression, own columns, the other table and its columns. Left out are those that
#: screening cannot evaluate as the server does: checks that refer to the whole row or
#: to system columns; foreign keys that are not validated, are MATCH FULL, refer to the
#: table itself, or refer to one of which row-level security hides rows from this user;
#: and keys with WITHOUT OVERLAPS or PERIOD.
CONSTRAINTS_QUERY = f"""
SELECT c.conname::text, c.contype::text, pg_get_expr(c.conbin, c.conrelid),
       ARRAY(SELECT a.attname::text
             FROM unnest(c.conkey) WITH ORDINALITY AS u (number, place)
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = c.conrelid AND a.attnum = u.number ORDER BY u.place),
       CASE WHEN c.confrelid <> 0 THEN (
           SELECT quote_ident(n.nspname) || '.' || quote_ident(f.relname)
           FROM pg_catalog.pg_class AS f
           JOIN pg_catalog.pg_namespace AS n ON n.oid = f.relnamespace
           WHERE f.oid = c.confrelid) END,
       ARRAY(SELECT a.attname::text
             FROM unnest(c.confkey) WITH ORDINALITY AS u (number, place)
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = c.confrelid AND a.attnum = u.number ORDER BY u.place)
FROM pg_catalog.pg_constraint AS c
WHERE c.conrelid = ($1::text)::regclass
  AND coalesce(0 < ALL (c.conkey), true)
  -- these fields are there from PostgreSQL 18 on
  AND NOT coalesce((to_jsonb(c) ->> 'conperiod')::boolean, false)
  AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
  AND (c.contype IN ('c', 'p', 'u')
       -- one that is not valid yet lets a stored row keep what it refers to
       OR c.contype = 'f' AND c.convalidated
          AND NOT {refers_to_itself("c")} AND c.confmatchtype = 's'
          AND {is_whole_reference("c")}
          AND NOT pg_catalog.row_security_active(c.confrelid))
ORDER BY c.contype, c.conname"""

#: Each row is checked against the partitions in turn, so a table with more than these
#: (twenty years of months) is not checked for missing ones.
MOST_PARTITIONS = 240

#: The condition that a row fits into a partition, and the columns in it, in the form of
#: `CONSTRAINTS_QUERY`. No row is returned if that cannot be evaluated (as with a
#: partition key of expressions), if there are too many partitions, or if one takes all
#: rows.
PARTITIONS_QUERY = f"""
WITH keys AS (
    SELECT k.partrelid, unnest(k.partattrs) AS number
    FROM pg_catalog.pg_partitioned_table AS k
    WHERE k.partrelid IN (
        SELECT p.relid FROM pg_catalog.pg_partition_tree(($1::text)::regclass) AS p
        UNION ALL
        SELECT a.relid FROM pg_catalog.pg_partition_ancestors(($1::text)::regclass) AS a
        (relid))
)
SELECT NULL::text, 'partition', string_agg('(' || d.condition || ')', ' OR '),
       ARRAY(SELECT DISTINCT a.attname::text
             FROM keys AS k
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = k.partrelid AND a.attnum = k.number),
       NULL::text, ARRAY[]::text[]
FROM pg_catalog.pg_partition_tree(($1::text)::regclass) AS p
CROSS JOIN LATERAL (
    SELECT pg_catalog.pg_get_partition_constraintdef(p.relid)
) AS d (condition)
WHERE p.isleaf AND p.level > 0
HAVING count(*) = count(d.condition) AND count(*) BETWEEN 1 AND {MOST_PARTITIONS}
   AND NOT EXISTS (SELECT FROM keys AS k WHERE k.number = 0)"""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of `CONSTRAINTS_QUERY` or `PARTITIONS_QUERY`.

    Attributes:
        constraint: The constraint's name, or None for partitions.
        kind: `c` (check), `f` (foreign key), `p` (primary key), `u` (unique) or
            `partition`.
        expression: The condition of a check or of partitions, else None.
        columns: The columns that it is about.
        parent: The quoted name of the table that a foreign key refers to, else None.
        parent_columns: The columns of that table that it refers to.
    """

    constraint: str | None
    kind: str
    expression: str | None
    columns: list[str]
    parent: str | None
    parent_columns: list[str]

    @property
    def unique(self) -> bool:
        """Whether it is a primary or unique key."""
        return self.kind in {"p", "u"}
