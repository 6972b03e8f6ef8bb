# ruff: noqa: S608 - only queries of this code are put together
"""The single query for everything that propload reads about a table in the catalog."""

from __future__ import annotations

from propload.postgres.sql.assumptions import ASSUMPTIONS_QUERY
from propload.postgres.sql.tables import (
    COLUMNS_QUERY,
    CONFLICT_SOURCES_QUERY,
    RELATION_QUERY,
)

_OID = "(SELECT oid FROM relation)"


def _rows_as_json(query: str) -> str:
    """Return the expression of a query's rows as a JSON array, null if it has none."""
    of_relation = query.replace("$1::int8", _OID)
    return f"(SELECT json_agg(row_to_json(t)) FROM ({of_relation}) AS t)::text"


#: Returns, for a table by namespace ($1) and name ($2), the assumptions of a plan and,
#: as JSON, the rows of `RELATION_QUERY`, `CONFLICT_SOURCES_QUERY` and `COLUMNS_QUERY`,
#: all from one snapshot. Returns no row if there is no such table.
DESCRIPTION_QUERY = f"""
WITH relation AS ({RELATION_QUERY})
SELECT ({ASSUMPTIONS_QUERY}), row_to_json(relation)::text,
       {_rows_as_json(CONFLICT_SOURCES_QUERY)}, {_rows_as_json(COLUMNS_QUERY)}
FROM relation"""
