"""The session of a lane, which its successive writers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql.sessions import DROP_TEMPORARY
from propload.postgres.writing.staging import make_stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape


class LaneSession:
    """A lane's session with the server, and its stage.

    Rows with other columns need another writer and another stage, but no other session:
    opening one takes as long as writing some thousand rows.

    Args:
        connect: Opens a connection; called again after one was lost.

    Attributes:
        connection: The open connection, or None.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self.connection: Connection | None = None
        self._staged_shape: Shape | None = None

    def open(self) -> Connection:
        """Return the connection, opening one if there is none.

        Raises:
            TransientWriteError: The server cannot be reached now.
        """
        if self.connection is None:
            self.connection = self._connect()
            self._staged_shape = None
        return self.connection

    def make_stage(self, shape: Shape, /) -> None:
        """Create the stage for rows of a shape, unless there is one; commits.

        Raises:
            WriteError: This user may not make temporary tables.
            ServerError: The connection broke.
        """
        if self._staged_shape == shape:
            return
        connection = self.open()
        if self._staged_shape is not None:
            connection.execute(DROP_TEMPORARY)
            connection.commit()
            self._staged_shape = None
        make_stage(connection, shape)
        self._staged_shape = shape

    def cancel(self) -> None:
        """Cancel the running statement, from another thread."""
        connection = self.connection
        if connection is not None:
            connection.cancel()

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
