"""Old and new rows for a replace, and what is left of it in the database."""

from __future__ import annotations

import polars as pl

from tests.integration.postgres.writing import (
    target_with,
)
from tests.integration.reading import query

OLD = pl.DataFrame({"k": [1, 2], "v": ["a", "b"]})
NEW = pl.DataFrame({"k": [2, 3, 4], "v": ["x", "y", "z"]})
DESTINATION = target_with(mode="replace")


def shadow_count(dsn):
    counts = query(
        dsn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'propload_shadow_%'"
    )
    return counts[0][0] // 2  # a table and its index


def stored(dsn):
    return query(dsn, "SELECT k, v FROM t ORDER BY k")
