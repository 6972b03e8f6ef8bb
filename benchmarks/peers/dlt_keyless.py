"""dlt from Arrow into the table that it makes itself, without a primary key.

No index is kept and no key is unique: its loads do less than the others'.
"""

from __future__ import annotations

from benchmarks.peers.dlt_arrow import FORM, MOST_ROWS, load
from benchmarks.peers.dlt_arrow import forget as reset

__all__ = ["FORM", "MOST_ROWS", "load", "reset"]
