# ruff: noqa: S608 - what is put into a query is written in this code
"""What the catalog is asked about a target before rows are written into it."""

from __future__ import annotations

#: One line a column; domains are resolved down to the type below them. The last
#: fields tell whether unequal texts may be equal values, and whether the type has
#: an equality that indexes would use.
COLUMNS = """
WITH RECURSIVE resolved AS (
    SELECT a.attnum, a.attname, a.atttypid AS type, a.attnotnull AS not_null,
           a.atthasdef OR a.attidentity <> '' AS filled,
           a.attidentity = 'a' AS fixed, a.attgenerated <> '' AS generated,
           a.attcollation AS collation
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = ($1::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
    SELECT r.attnum, r.attname, t.typbasetype, r.not_null OR t.typnotnull,
           r.filled OR t.typdefault IS NOT NULL, r.fixed, r.generated, r.collation
    FROM resolved AS r JOIN pg_catalog.pg_type AS t ON t.oid = r.type
    WHERE t.typtype = 'd'
)
SELECT r.attname::text, t.typname::text,
       CASE WHEN r.collation = 0 THEN NULL ELSE (
           SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname)
           FROM pg_catalog.pg_collation AS c
           JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
           WHERE c.oid = r.collation) END,
       r.not_null, r.filled, r.fixed, r.generated,
       coalesce((SELECT NOT c.collisdeterministic FROM pg_catalog.pg_collation AS c
                 WHERE c.oid = r.collation), false),
       t.typtype IN ('e', 'r', 'm') OR EXISTS (
           SELECT FROM pg_catalog.pg_opclass AS o
           -- btree and hash: other methods need no equality
           WHERE o.opcdefault AND o.opcmethod IN (403, 405) AND (
               o.opcintype = CASE WHEN t.typelem <> 0 AND t.typlen = -1
                                  THEN t.typelem ELSE t.oid END
               OR EXISTS (
                   SELECT FROM pg_catalog.pg_cast AS k
                   WHERE k.castmethod = 'b' AND k.castcontext = 'i'
                     AND k.castsource = CASE WHEN t.typelem <> 0 AND t.typlen = -1
                                             THEN t.typelem ELSE t.oid END
                     AND k.casttarget = o.opcintype)))
FROM resolved AS r JOIN pg_catalog.pg_type AS t ON t.oid = r.type
WHERE t.typtype <> 'd'
ORDER BY r.attnum"""

#: Whether the table is partitioned, whether a row policy applies to this user,
#: whether a trigger may skip or change a row before it is stored, and whether the table
#: has rules, which MERGE does not take.
RELATION = """
SELECT c.relkind = 'p', pg_catalog.row_security_active(c.oid), EXISTS (
    SELECT FROM pg_catalog.pg_trigger AS g
    WHERE NOT g.tgisinternal AND g.tgtype & 3 = 3
      AND (g.tgrelid = c.oid OR g.tgrelid IN (
          SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) AS p))),
    c.relhasrules
FROM pg_catalog.pg_class AS c WHERE c.oid = ($1::text)::regclass"""


def referenced(relation: str, /) -> str:
    """Return the condition that rows of other tables refer to a table.

    References to a single partition count, those of the table to itself do not.

    Args:
        relation: The expression of its oid.
    """
    parts = f"(SELECT p.relid FROM pg_catalog.pg_partition_tree({relation}) AS p)"
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' "
        f"AND (f.confrelid = {relation} OR f.confrelid IN {parts}) "
        f"AND f.conrelid <> {relation} AND f.conrelid NOT IN {parts})"
    )


#: What ties rows of a table to one another: unique indexes and exclusions, those of
#: single partitions included, and references of the table to itself. Each with the
#: columns that must be equal for two rows to collide, and all that it looks at.
TIES = """
WITH parts AS (
    SELECT ($1::text)::regclass::oid AS relation
  UNION
    SELECT p.relid::oid FROM pg_catalog.pg_partition_tree(($1::text)::regclass) AS p
)
SELECT i.relname::text AS name,
       ARRAY(SELECT a.attname::text
             FROM unnest(x.indkey::int2[], x.indcollation::oid[])
                  AS k (number, ordered_by)
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = x.indrelid AND a.attnum = k.number
             -- in another collation unequal values of the column may be equal
             WHERE a.attcollation = k.ordered_by AND NOT x.indisexclusion),
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = x.indrelid AND a.attnum > 0
               AND (a.attnum = ANY (x.indkey::int2[]) OR EXISTS (
                   -- columns of its expressions and of its condition
                   SELECT FROM pg_catalog.pg_depend AS d
                   WHERE d.classid = 'pg_catalog.pg_class'::regclass
                     AND d.refclassid = d.classid AND d.objid = x.indexrelid
                     AND d.refobjid = x.indrelid AND d.refobjsubid = a.attnum)))
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid IN (SELECT relation FROM parts) AND NOT i.relispartition
  AND (x.indisunique OR x.indisexclusion)
UNION ALL
SELECT c.conname::text, '{}'::text[],
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey || c.confkey))
FROM pg_catalog.pg_constraint AS c
WHERE c.conrelid = ($1::text)::regclass AND c.contype = 'f' AND c.confrelid = c.conrelid
ORDER BY name"""
