"""The table that rows go into: made where there is none, else judged and widened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.tables import creating
from propload.postgres.tables.modes import require_mode
from propload.postgres.tables.rights import require_rights
from propload.postgres.tables.row_plan import plan_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.target import Target


def ensure_table(
    session: Connection,
    target: Target,
    frame_schema: Mapping[str, pl.DataType],
    found: TableFacts | None,
    pg_types: Mapping[str, str],
    /,
) -> TableFacts:
    """Return the facts of a table that is there, with the columns it is to have.

    Args:
        session: A session without open work.
        target: The table and its rules.
        frame_schema: Names and types of the rows.
        found: What is known of the table, or None where there is none.
        pg_types: PostgreSQL types for columns of a table that is created.

    Raises:
        SchemaMismatchError: The rows do not fit the table.
        WriteError: The table lacks the key, or a right is missing.
    """
    if found is None:
        return creating.create_table(
            session, target.table, frame_schema, key=target.key, pg_types=pg_types
        )
    require_mode(session, found, target)
    plan = plan_rows(frame_schema, found, target)
    plan.require_fit()
    require_rights(session, found, target, plan)
    if plan.new and target.on_new_columns == "add":
        return creating.add_columns(session, target.table, plan.new, pg_types=pg_types)
    return found
