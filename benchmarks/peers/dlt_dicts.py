"""dlt, merge with strategy upsert, from dicts through INSERT files, its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.dlt_arrow import reset, run

if TYPE_CHECKING:
    from benchmarks.scratch import Scratch

__all__ = ["FORM", "MOST_ROWS", "load", "reset"]

FORM = "dicts"
#: As many as the others load in the comparison: a minute at 9,000 rows per second. With
#: fewer, the start of a run would weigh too much for propload.
MOST_ROWS = 500_000


def load(rows: list[dict[str, Any]], scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    run(rows, scratch, table)
