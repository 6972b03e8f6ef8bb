"""The batches of a run that are prepared and not yet committed on every lane."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.prepare.joining import Joined


class InFlight:
    """The batches that are not yet committed on every lane.

    Attributes:
        through: The run's row number after the last prepared row.
    """

    def __init__(self, on_committed: Callable[[int], None] | None) -> None:
        self._lock = threading.Lock()
        self._joined: dict[int, Joined] = {}
        self._left: dict[int, int] = {}
        self.through = 0
        self._on_committed = on_committed

    def add(self, joined: Joined, lanes: int) -> None:
        """Note a batch whose pieces go to so many lanes."""
        with self._lock:
            self._joined[joined.number] = joined
            self._left[joined.number] = lanes
            self.through = joined.through_row

    def get(self, batch: int) -> Joined:
        """Return a batch in flight."""
        with self._lock:
            return self._joined[batch]

    def done(self, batch: int) -> None:
        """Note that one lane has committed its piece."""
        with self._lock:
            self._left[batch] -= 1
            if self._left[batch]:
                return
            del self._left[batch], self._joined[batch]
            below = min(
                (joined.first_row for joined in self._joined.values()),
                default=self.through,
            )
        if self._on_committed:
            self._on_committed(below)
