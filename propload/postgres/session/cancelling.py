"""Cancel the running statement of a session from another thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class StatementCanceller:
    """Cancels the statement that a session runs, and no other; closes the session.

    Args:
        cancel: Asks the server to cancel it; may wait for a dead network.
        close: Closes the session.

    Attributes:
        closed: Whether the session was closed.
    """

    def __init__(self, cancel: Callable[[], None], close: Callable[[], None]) -> None:
        self.closed = False
        self._cancel = cancel
        self._close = close
        #: Guards the attributes below; never held while the server is asked.
        self._changed = threading.Condition()
        self._is_running = False
        self._is_cancelling = False

    def begin(self) -> None:
        """Note that a statement begins.

        Waits for a cancel request that is under way, as it is meant for an earlier
        statement.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_cancelling)
            self._is_running = True

    def end(self) -> None:
        """Note that the statement has ended."""
        with self._changed:
            self._is_running = False

    def cancel(self) -> None:
        """Cancel the statement that is running, if there is one."""
        with self._changed:
            is_due = self._is_running and not (self._is_cancelling or self.closed)
            if not is_due:
                return
            self._is_cancelling = True
        try:
            self._cancel()
        finally:
            with self._changed:
                self._is_cancelling = False
                is_closed = self.closed
                self._changed.notify_all()
            if is_closed:
                self._close()

    def close(self) -> None:
        """Close the session, or let a cancel request under way close it at its end."""
        with self._changed:
            is_closing = not self.closed and not self._is_cancelling
            self.closed = True
        if is_closing:
            self._close()
