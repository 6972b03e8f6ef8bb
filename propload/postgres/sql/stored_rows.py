# ruff: noqa: S608 - names are quoted, page numbers and seeds are whole numbers
"""The rows that a table holds: how many there are, and their hashes, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql.quoting import table
from propload.postgres.sql.tables import REACHES_OTHERS, belongs_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.target import TableName

#: Tells of a table, by namespace and name: whether its texts are hashed as they come,
#: and rows of it change only as they are written; the pages of its longest part; and
#: about how many rows it has, as far as the server has counted them.
STANDING_QUERY = f"""
SELECT pg_catalog.current_setting('server_encoding') = 'UTF8'
        AND NOT c.relhasrules AND NOT {REACHES_OTHERS},
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
    of: TableName,
    kept: Sequence[Sequence[str]],
    /,
    *,
    seed: int,
    first: int,
    after: int | None,
) -> str:
    """Return the query for the hashes of the rows of some pages.

    Args:
        of: The table.
        kept: The expressions that each hash is of.
        seed: What is hashed beside each value.
        first: The number of the first page.
        after: The number of the page that ends them, or None: up to the last one.
    """
    hashes = [
        f"pg_catalog.hash_record_extended(ROW({', '.join(each)}), {seed})"
        for each in kept
    ]
    query = f"SELECT {', '.join(hashes)} FROM {table(of)}"
    conditions = [f"ctid >= '({first},0)'::tid"] if first else []
    if after is not None:
        conditions.append(f"ctid < '({after},0)'::tid")
    return f"{query} WHERE {' AND '.join(conditions)}" if conditions else query
