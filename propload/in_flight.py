"""The batches of a run that are prepared and not yet committed on every lane."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
        self._refused: dict[int, set[int]] = {}
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

    def not_refused_before(self, batch: int, rows: Iterable[int]) -> set[int]:
        """Return those rows of a batch that nobody has noted as refused; note them.

        A transaction that is tried again refuses the same rows again.
        """
        with self._lock:
            known = self._refused.setdefault(batch, set())
            fresh = set(rows) - known
            known |= fresh
            return fresh

    def done(self, batch: int) -> None:
        """Note that one lane has committed its piece."""
        with self._lock:
            self._left[batch] -= 1
            if self._left[batch]:
                return
            del self._left[batch], self._joined[batch]
            self._refused.pop(batch, None)
            below = min(
                (joined.first_row for joined in self._joined.values()),
                default=self.through,
            )
        if self._on_committed:
            self._on_committed(below)
