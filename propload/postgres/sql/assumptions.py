# ruff: noqa: S608 - only conditions of this code are put into the query
"""The query for what a plan takes for granted of its table."""

from __future__ import annotations

from propload.postgres.sql.tables import REACHES_OTHERS, STANDS_FOR_A_KEY, triggered

#: What rows are planned by, as one JSON text, by namespace and name: the table's oid;
#: each column's type, its length or precision, both as PostgreSQL writes them, and its
#: number; the columns of each index that a key can be looked for by; whether a trigger
#: may skip or change a row; whether there are rules; whether row-level security applies
#: to this user; whether a row that is written may change others; the columns that a new
#: row has to bring (but those of a domain, which may have a default of its own); and
#: the files that its rows lie in, those of its partitions, which are others when rows
#: were written anew, are gone or came with a partition. The same text means that all is
#: the same.
ASSUMPTIONS_QUERY = f"""
SELECT json_build_object(
    'oid', c.oid::int8,
    'columns', coalesce((
        SELECT json_object_agg(a.attname, json_build_array(
            a.atttypid::int8, a.atttypmod,
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            a.attnum) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{{}}'),
    'keys', (
        SELECT json_agg(ARRAY(
            SELECT a.attname
            FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place)
            JOIN pg_catalog.pg_attribute AS a
              ON a.attrelid = x.indrelid AND a.attnum = k.number
            WHERE k.place <= x.indnkeyatts) ORDER BY x.indexrelid)
        FROM pg_catalog.pg_index AS x
        WHERE x.indrelid = c.oid AND {STANDS_FOR_A_KEY}),
    'triggered', {triggered("c.oid")},
    'ruled', c.relhasrules,
    'secured', row_security_active(c.oid),
    'reaching', {REACHES_OTHERS},
    'required', (
        SELECT json_agg(a.attname ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid AND t.typtype <> 'd'
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''),
    'files', CASE WHEN c.relkind = 'p' THEN (
        SELECT md5(string_agg(concat_ws(' ', p.relid::oid,
            pg_catalog.pg_relation_filenode(p.relid)), ', ' ORDER BY p.relid::oid))
        FROM pg_catalog.pg_partition_tree(c.oid) AS p)
        ELSE pg_catalog.pg_relation_filenode(c.oid)::text END)::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
"""
