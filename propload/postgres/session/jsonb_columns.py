"""Which columns of a table are jsonb: the driver has to be told of them."""

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

#: Statements after which a table may have other columns than it had.
_CHANGES_TABLES = re.compile(r"\b(?:CREATE|ALTER|DROP)\b", re.IGNORECASE)


class JsonbColumns:
    """The jsonb columns that a session knows of: each table is looked up once."""

    def __init__(self) -> None:
        #: By columns as well: another session may have added some since.
        self._known: dict[tuple[Place, tuple[str, ...]], frozenset[str]] = {}

    def note_statement(self, sql: str, /) -> None:
        """Learn of a statement of the session, which may change tables."""
        if _CHANGES_TABLES.search(sql):
            self._known.clear()

    def of(
        self, session: Statements, place: Place, frame: pl.DataFrame, /
    ) -> Collection[str]:
        """Return the columns of a table that are jsonb, for rows that go there.

        Raises:
            ServerError: The connection is gone.
        """
        if pl.String not in frame.dtypes:
            return ()
        asked = place, tuple(frame.columns)
        if asked not in self._known:
            found = session.rows(JSONB_COLUMNS_QUERY, (quoting.path(place),))
            self._known[asked] = frozenset(name for (name,) in found)
        return self._known[asked]
