# ruff: noqa: S608 - only conditions of this code are put into the query
"""The query for what a plan assumes about its table."""

from __future__ import annotations

from propload.postgres.sql.tables import (
    IS_CONFLICT_TARGET,
    MAY_CHANGE_OTHERS,
    is_triggered,
)

#: Returns what a plan assumes about a table, by namespace and name, as one JSON text:
#: the table's oid; each column's type oid, type modifier, type as PostgreSQL writes it,
#: and number; the columns of each index that can serve ON CONFLICT as a key; whether a
#: trigger may skip or change a row; whether there are rules; whether row-level security
#: applies to this user; whether writing a row may change others; the columns that a new
#: row must have (except those of a domain, which may have a default of its own); and
#: the files of the table or of its partitions, which change if the table is truncated
#: or rewritten, or if a partition is attached or detached. If the text is the same,
#: nothing of this has changed.
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
        WHERE x.indrelid = c.oid AND {IS_CONFLICT_TARGET}),
    'triggered', {is_triggered("c.oid")},
    'ruled', c.relhasrules,
    'secured', row_security_active(c.oid),
    'reaching', {MAY_CHANGE_OTHERS},
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
