# ruff: noqa: S608 - what is put into a query is quoted or written in this code
"""The query for stored keys that a unique, not-null constraint would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import quoting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.target import TableName

#: How many rows are examined at most: without an index each of them is read and
#: grouped.
MAX_EXAMINED = 1_000_000
#: How many characters of a value are returned.
SHOWN_LENGTH = 60


def stored_keys_query(table: TableName, key: Sequence[str], /) -> str:
    """Return the query for a key that occurs repeatedly, and for a null in a key.

    It returns one row: the values of a repeated key as texts, or null if there is none;
    and whether any key contains a null.

    Args:
        table: The table.
        key: The columns of the key, whose types have an equality.
    """
    columns = [quoting.name(column) for column in key]
    texts = [f"left({column}::text, {SHOWN_LENGTH})" for column in columns]
    has_null = " OR ".join(f"{column} IS NULL" for column in columns)
    names = ", ".join(columns)
    return (
        f"WITH looked AS MATERIALIZED (SELECT {names} FROM {quoting.table(table)} "
        f"LIMIT {MAX_EXAMINED}) "
        f"SELECT (SELECT ARRAY[{', '.join(texts)}] FROM looked "
        f"WHERE NOT ({has_null}) GROUP BY {names} HAVING count(*) > 1 LIMIT 1), "
        f"EXISTS (SELECT FROM looked WHERE {has_null})"
    )
