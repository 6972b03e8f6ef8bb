# ruff: noqa: S608 - what is put into a query is quoted or written in this code
"""The query that looks among stored rows for keys that no constraint would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import quoting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.target import TableName

#: Most rows that are looked at: without an index each of them is read and held apart.
LOOKED_AT = 1_000_000
#: Characters of a value that are told.
TOLD_LENGTH = 60


def stored_keys_query(table: TableName, key: Sequence[str], /) -> str:
    """Return the query for a key that repeats, and whether a row has none.

    It gives one row: the values of that key as texts, or null, and a truth.

    Args:
        table: The table.
        key: Its columns, whose types have an equality.
    """
    columns = [quoting.name(column) for column in key]
    texts = [f"left({column}::text, {TOLD_LENGTH})" for column in columns]
    lacking = " OR ".join(f"{column} IS NULL" for column in columns)
    names = ", ".join(columns)
    return (
        f"WITH looked AS MATERIALIZED (SELECT {names} FROM {quoting.table(table)} "
        f"LIMIT {LOOKED_AT}) "
        f"SELECT (SELECT ARRAY[{', '.join(texts)}] FROM looked "
        f"WHERE NOT ({lacking}) GROUP BY {names} HAVING count(*) > 1 LIMIT 1), "
        f"EXISTS (SELECT FROM looked WHERE {lacking})"
    )
