"""dlt, merge with strategy upsert, from dicts by way of INSERT files, its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.dlt_arrow import reset, run

if TYPE_CHECKING:
    from benchmarks.scratch import Scratch

__all__ = ["FORM", "MOST_ROWS", "load", "reset"]

FORM = "dicts"
#: As many as others get in the comparison, a minute at 9,000 rows a second: with fewer,
#: the beginning of a run weighs too much for propload.
MOST_ROWS = 500_000


def load(rows: list[dict[str, Any]], scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    run(rows, scratch, table)
