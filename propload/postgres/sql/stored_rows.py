# ruff: noqa: S608 - names are quoted, page numbers and seeds are whole numbers
"""Queries about a table's stored rows: about how many there are, and their hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql.quoting import table
from propload.postgres.sql.tables import MAY_CHANGE_OTHERS, belongs_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.target import TableName

#: Returns, for a table by namespace and name: whether its rows can be compared by
#: hashes, that is, texts are stored as UTF-8 and a row changes only if it is written
#: itself; the number of pages of its largest partition; and an estimate of its rows
#: from the server's statistics, 0 if there are none.
COMPARABLE_SIZE_QUERY = f"""
SELECT pg_catalog.current_setting('server_encoding') = 'UTF8'
        AND NOT c.relhasrules AND NOT {MAY_CHANGE_OTHERS},
    max(part.pages),
    coalesce(sum(part.rows), 0)::int8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT size.pages,
        CASE WHEN p.relpages > 0 AND p.reltuples > 0
            THEN p.reltuples / p.relpages * size.pages END AS rows
    FROM pg_catalog.pg_class AS p
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_relation_size(p.oid)
            / pg_catalog.current_setting('block_size')::int8 AS pages) AS size
    WHERE {belongs_to("p.oid", "c.oid")}) AS part
WHERE n.nspname = $1 AND c.relname = $2
GROUP BY c.oid, c.relhasrules
"""


def read_hashes(
    target: TableName,
    hashed: Sequence[Sequence[str]],
    /,
    *,
    seed: int,
    first_page: int,
    end_page: int | None,
) -> str:
    """Return the query for the hashes of the rows in a range of pages.

    Args:
        target: The table.
        hashed: For each hash, the expressions that are hashed.
        seed: The seed of the hash function.
        first_page: The number of the first page.
        end_page: The number of the page after the last one, or None for the table's
            end.
    """
    hashes = [
        f"pg_catalog.hash_record_extended(ROW({', '.join(each)}), {seed})"
        for each in hashed
    ]
    query = f"SELECT {', '.join(hashes)} FROM {table(target)}"
    conditions = [f"ctid >= '({first_page},0)'::tid"] if first_page else []
    if end_page is not None:
        conditions.append(f"ctid < '({end_page},0)'::tid")
    return f"{query} WHERE {' AND '.join(conditions)}" if conditions else query
