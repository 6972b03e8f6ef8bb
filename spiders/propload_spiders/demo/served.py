"""Record what the demo site has served, to compare it with what was loaded."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Served:
    """Thread-safe counts of responses, and ids of the listings on them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._ids: dict[str, set[str]] = {
            "search": set(),
            "detail": set(),
            "gone": set(),
        }

    def note(self, kind: str, ids: Iterable[str] = (), /) -> None:
        """Count a response, with the ids of the listings on it."""
        with self._lock:
            self._counts[kind] += 1
            if kind in self._ids:
                self._ids[kind].update(ids)

    def clear(self) -> None:
        """Reset all counts and ids."""
        with self._lock:
            self._counts.clear()
            for ids in self._ids.values():
                ids.clear()

    @property
    def counts(self) -> dict[str, int]:
        """Responses by kind: search, detail, gone, elsewhere, failed, blocked, ..."""
        with self._lock:
            return dict(self._counts)

    @property
    def requests(self) -> int:
        """The number of all responses, including failed ones."""
        return sum(self.counts.values())

    @property
    def listings(self) -> frozenset[str]:
        """Ids of listings on search pages for a place that the site knows."""
        return self._ids_of("search")

    @property
    def details(self) -> frozenset[str]:
        """Ids of listings whose detail page was served."""
        return self._ids_of("detail")

    @property
    def gone(self) -> frozenset[str]:
        """Ids of listings whose detail page was requested but is gone."""
        return self._ids_of("gone")

    def _ids_of(self, kind: str) -> frozenset[str]:
        with self._lock:
            return frozenset(self._ids[kind])

    def as_values(self) -> dict[str, object]:
        """Return counts and ids as plain values, as `/__served__` shows them."""
        return {
            "counts": self.counts,
            "listings": sorted(self.listings),
            "details": sorted(self.details),
            "gone": sorted(self.gone),
        }
