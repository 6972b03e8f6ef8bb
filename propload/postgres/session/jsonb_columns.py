"""Look up the jsonb columns of a table, for which the driver needs marked values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from propload.postgres.sql import quoting
from propload.postgres.sql.tables import JSONB_COLUMNS_QUERY

if TYPE_CHECKING:
    from collections.abc import Collection

    from propload.postgres.session.spooling import Place
    from propload.postgres.session.statements import Statements

#: Matches statements that may change the columns of a table.
_CHANGES_TABLES = re.compile(r"\b(?:CREATE|ALTER|DROP)\b", re.IGNORECASE)


class JsonbColumns:
    """Caches the jsonb columns of tables, for one session."""

    def __init__(self) -> None:
        #: By table and columns of the rows: another session may have added columns.
        self._cache: dict[tuple[Place, tuple[str, ...]], frozenset[str]] = {}

    def note_statement(self, sql: str, /) -> None:
        """Clear the cache if a statement of the session may change tables."""
        if _CHANGES_TABLES.search(sql):
            self._cache.clear()

    def of(
        self, session: Statements, place: Place, frame: pl.DataFrame, /
    ) -> Collection[str]:
        """Return the jsonb columns of a table, or nothing for rows without text.

        Raises:
            ServerError: The connection is gone.
        """
        if pl.String not in frame.dtypes:
            return ()
        cache_key = place, tuple(frame.columns)
        if cache_key not in self._cache:
            rows = session.rows(JSONB_COLUMNS_QUERY, (quoting.path(place),))
            self._cache[cache_key] = frozenset(name for (name,) in rows)
        return self._cache[cache_key]
