"""When COPY goes straight into the table."""

from __future__ import annotations

#: After this many pieces that had no new key in between, the direct path is not
#: worth a try any more: each failed one leaves dead rows behind.
MOST_PATIENCE = 64


class FastPath:
    """Decides whether the next piece is tried without a stage.

    A COPY that meets a stored key is undone and leaves dead rows, so after each
    such failure twice as many pieces must hold nothing but new keys before the
    next try.

    Args:
        fast: Whether the first piece may go straight.

    Attributes:
        fast: Whether the next one may.
    """

    def __init__(self, *, fast: bool) -> None:
        self.fast = fast
        self._needed = 1
        self._new_in_a_row = 0

    def met_stored_key(self) -> None:
        """Take note that COPY met a key that the table holds."""
        self.fast = False
        self._needed = min(self._needed * 2, MOST_PATIENCE)
        self._new_in_a_row = 0

    def staged(self, rows: int, /, *, new: int) -> None:
        """Take note of a piece that went through the stage.

        Args:
            rows: How many rows it had; one without any tells nothing of keys.
            new: How many of their keys the table did not hold.
        """
        if rows == 0:
            return
        self._new_in_a_row = self._new_in_a_row + 1 if new == rows else 0
        self.fast = self._new_in_a_row >= self._needed
