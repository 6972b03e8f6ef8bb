"""The table that rows were planned for, looked at again before each commit."""

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
    """Refuses rows for a table that is not the one any more that they were planned for.

    COPY takes the bytes of one type for another one's of the same width.

    Args:
        shape: How rows go into it.
        assumptions: What the shape takes for granted of it, if anybody else may
            change it.
    """

    def __init__(self, shape: Shape, assumptions: Assumptions | None) -> None:
        self._shape = shape
        self._assumptions = assumptions

    def require_unchanged(self, connection: Connection, /) -> bool:
        """Return whether the table is as it was when it was last looked at.

        Raises:
            TableGoneError: It is gone, or another one.
            WriteError: It was changed, so that rows might be stored as other values.
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
                takes_parts=shape.mode == "upsert",
            )
        except WriteError:
            connection.rollback()
            raise
        return self._assumptions is before

    def explained(
        self, connection: Connection, error: WriteError, batch: int, /
    ) -> WriteError:
        """Return what says most: that the table was changed, or what the server met.

        Args:
            connection: The session; its transaction is undone.
            error: What the server met.
            batch: The number of the batch.
        """
        if self._assumptions is None:
            return error
        connection.rollback()
        try:
            self.require_unchanged(connection)
        except ServerError:
            return error
        except TableGoneError as gone:
            return gone
        except WriteError as changed:
            changed.batch, changed.sqlstate = batch, error.sqlstate
            return changed
        finally:
            connection.rollback()
        return error
