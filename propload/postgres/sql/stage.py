# ruff: noqa: S608 - names are quoted
"""The stage of a session: a temporary table into which rows are copied first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.batch import ORDINAL
from propload.postgres.sql.quoting import name

if TYPE_CHECKING:
    from propload.postgres.sql.shape import Shape

#: Its name alone, for COPY.
STAGE_NAME = "propload_stage"
#: With the namespace, as are all temporary objects: with `pg_temp` at the end of a
#: user's search_path, a table of that name elsewhere would be taken for the stage.
STAGE = f"pg_temp.{STAGE_NAME}"
EMPTY_STAGE = f"DELETE FROM {STAGE}"
#: Counts the rows of the stage.
COUNT_STAGE = f"SELECT count(*) FROM {STAGE}"


def create_stage(shape: Shape, /) -> str:
    """Return the statement that creates the session's stage, without constraints."""
    columns = [f"{name(c.name)} {c.stage_type}" for c in shape.columns]
    return (
        f"CREATE TEMPORARY TABLE {STAGE} "
        f"({', '.join([f'{ORDINAL} integer', *columns])}) ON COMMIT DELETE ROWS"
    )
