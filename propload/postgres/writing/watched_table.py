"""Checks before each commit that the table is still as rows were planned for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.errors import TableGoneError, WriteError
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.tables.assumptions import require_unchanged

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape
    from propload.postgres.tables.assumptions import Assumptions


class WatchedTable:
    """Refuses rows if the table is no longer the one that they were planned for.

    If a column's type was changed, COPY would read the bytes of the old type as a value
    of the new one, if that has the same width.

    Args:
        shape: How rows go into the table.
        assumptions: What the shape assumes about the table; None if no one else can
            change it.
    """

    def __init__(self, shape: Shape, assumptions: Assumptions | None) -> None:
        self._shape = shape
        self._assumptions = assumptions

    def require_unchanged(self, connection: Connection, /) -> bool:
        """Return whether the table is unchanged since it was last checked.

        Raises:
            TableGoneError: The table was dropped, or replaced by another one.
            WriteError: It was changed in a way that could store other values.
            ServerError: The connection broke.
        """
        before = self._assumptions
        if before is None:
            return True
        shape = self._shape
        try:
            self._assumptions = require_unchanged(
                connection,
                shape.table,
                before,
                columns=[column.name for column in shape.columns],
                key=shape.key,
                accepts_partial_rows=shape.mode == "upsert",
            )
        except WriteError:
            connection.rollback()
            raise
        return self._assumptions is before

    def root_cause(
        self, connection: Connection, error: WriteError, batch: int, /
    ) -> WriteError:
        """Return the error that the table was changed, if it was, else the same error.

        Args:
            connection: The session; its transaction is rolled back.
            error: The error that writing has raised.
            batch: The number of the batch.
        """
        if self._assumptions is None:
            return error
        connection.rollback()
        try:
            self.require_unchanged(connection)
        except ServerError:
            return error
        except TableGoneError as table_gone:
            return table_gone
        except WriteError as table_changed:
            table_changed.batch = batch
            table_changed.sqlstate = error.sqlstate
            return table_changed
        finally:
            connection.rollback()
        return error
