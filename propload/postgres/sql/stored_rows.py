# ruff: noqa: S608 - names are quoted, page numbers are whole numbers
"""The rows that a table holds, read a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql.quoting import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.target import TableName

#: Tells of a table, by namespace and name, how many pages its rows take; none of one
#: that is partitioned.
PAGES_QUERY = """
SELECT pg_catalog.pg_relation_size(c.oid)
    / pg_catalog.current_setting('block_size')::int8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
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
