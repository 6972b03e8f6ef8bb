"""Decides when COPY writes straight into the table."""

from __future__ import annotations

#: How many pieces with nothing but new keys are required at most before the direct path
#: is tried again.
MOST_PATIENCE = 64


class FastPath:
    """Decides whether the next piece is tried without a stage.

    A COPY that meets a stored key is rolled back and leaves dead rows. So after each
    such failure, twice as many successive pieces must have nothing but new keys before
    the next try.

    Args:
        fast: Whether the first piece may be copied straight into the table.

    Attributes:
        fast: Whether the next piece may be.
    """

    def __init__(self, *, fast: bool) -> None:
        self.fast = fast
        self._needed = 1
        self._new_in_a_row = 0

    def note_stored_key(self) -> None:
        """Note that COPY met a key that is stored already."""
        self.fast = False
        self._needed = min(self._needed * 2, MOST_PATIENCE)
        self._new_in_a_row = 0

    def note_staged(self, rows: int, /, *, new: int) -> None:
        """Note a piece that was written through the stage.

        Args:
            rows: How many rows it had; a piece without rows is ignored.
            new: How many of their keys were not stored yet.
        """
        if rows == 0:
            return
        self._new_in_a_row = self._new_in_a_row + 1 if new == rows else 0
        self.fast = self._new_in_a_row >= self._needed
