# ruff: noqa: S608 - only queries of this code are put together
"""The query for all that the catalog knows of a table, asked at once."""

from __future__ import annotations

from propload.postgres.sql.assumptions import ASSUMPTIONS_QUERY
from propload.postgres.sql.tables import COLUMNS_QUERY, RELATION_QUERY, TIES_QUERY

_OID = "(SELECT oid FROM relation)"


def _listed(query: str) -> str:
    """Return the expression of a query's rows as JSON, or null where it has none."""
    of_relation = query.replace("$1::int8", _OID)
    return f"(SELECT json_agg(row_to_json(t)) FROM ({of_relation}) AS t)::text"


#: By namespace and name: a plan's assumptions and, as JSON, the rows of
#: `RELATION_QUERY`, `TIES_QUERY` and `COLUMNS_QUERY`, as they are at one moment; no row
#: where there is no such table.
DESCRIPTION_QUERY = f"""
WITH relation AS ({RELATION_QUERY})
SELECT ({ASSUMPTIONS_QUERY}), row_to_json(relation)::text,
       {_listed(TIES_QUERY)}, {_listed(COLUMNS_QUERY)}
FROM relation"""
