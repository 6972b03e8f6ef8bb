"""Simulate commits that fail, or whose answer is lost."""

from __future__ import annotations

import contextlib
import itertools

from propload.errors import WriteError
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.writing.committing import PieceCommitter


@contextlib.contextmanager
def failing_commits(turns, *, committed, for_good=False):
    """Make some commits of pieces fail.

    Args:
        turns: The numbers of these commits, counted from 0 over all lanes.
        committed: Whether they take effect before they fail.
        for_good: Whether the error ends the run; otherwise the connection breaks.
    """
    commit, numbers = PieceCommitter._commit, itertools.count()

    def commit_or_fail(writer, connection, piece, written):
        if next(numbers) not in turns:
            commit(writer, connection, piece, written)
            return
        writer._unconfirmed = (piece.batch, written)
        if committed:
            connection.commit()
        connection.close()
        if for_good:
            raise WriteError("the server refuses")
        error = ServerError("the line broke")
        error.status = "IO"
        raise error

    PieceCommitter._commit = commit_or_fail
    try:
        yield
    finally:
        PieceCommitter._commit = commit
