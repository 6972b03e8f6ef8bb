# ruff: noqa: S608 - only conditions of this code are put into a query
"""The statements that ask what this user may do with a table."""

from propload.postgres.sql.tables import is_whole_reference, refers_to_itself

#: Returns, for a relation: the user's privileges on it as a whole; the columns they may
#: INSERT; the columns they may UPDATE; a JSON object of the columns whose types are in
#: a namespace on which they have no USAGE, with that namespace; and whether they have
#: the rights of its owner.
RIGHTS_QUERY = """
SELECT array_remove(ARRAY[
           CASE WHEN has_table_privilege(c.oid, 'SELECT') THEN 'SELECT' END,
           CASE WHEN has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END,
           CASE WHEN has_table_privilege(c.oid, 'TRUNCATE') THEN 'TRUNCATE' END], NULL),
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND has_column_privilege(c.oid, a.attnum, 'INSERT')),
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND has_column_privilege(c.oid, a.attnum, 'UPDATE')),
       (WITH RECURSIVE below AS (
            SELECT a.attname, a.atttypid AS type FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            UNION
            SELECT b.attname, coalesce(nullif(t.typbasetype, 0), t.typelem)
            FROM below AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.type
            WHERE t.typtype = 'd' OR t.typcategory = 'A'
        )
        SELECT coalesce(json_object_agg(b.attname, n.nspname), '{}')::text
        FROM below AS b
        JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype <> 'd'
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
        WHERE NOT has_schema_privilege(n.oid, 'USAGE')),
       pg_has_role(c.relowner, 'USAGE')
FROM pg_catalog.pg_class AS c WHERE c.oid = $1::int8::oid
"""

#: The tables that a table refers to and on which this user lacks REFERENCES, so that a
#: copy of the table could not refer to them.
PARENTS_QUERY = f"""
SELECT DISTINCT n.nspname::text, p.relname::text
FROM pg_catalog.pg_constraint AS f
JOIN pg_catalog.pg_class AS p ON p.oid = f.confrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.relnamespace
WHERE f.conrelid = $1::int8::oid AND f.contype = 'f'
  AND NOT {refers_to_itself("f")} AND {is_whole_reference("f")}
  AND EXISTS (SELECT FROM unnest(f.confkey) AS k (number)
              WHERE NOT has_column_privilege(p.oid, k.number, 'REFERENCES'))
ORDER BY 1, 2
"""
