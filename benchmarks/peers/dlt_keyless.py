"""dlt from Arrow into a table that it creates itself, without a primary key.

There is no index to maintain and no uniqueness to check, so its loads do less work than
those of the other candidates.
"""

from __future__ import annotations

from benchmarks.peers.dlt_arrow import FORM, MOST_ROWS, load
from benchmarks.peers.dlt_arrow import forget as reset

__all__ = ["FORM", "MOST_ROWS", "load", "reset"]
