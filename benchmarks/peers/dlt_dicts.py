"""dlt, merge with strategy upsert, from dicts by way of INSERT files, its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.dlt_arrow import reset, run

if TYPE_CHECKING:
    from benchmarks.scratch import Scratch

__all__ = ["FORM", "MOST_ROWS", "load", "reset"]

FORM = "dicts"
#: As many as the others of the comparison get, a minute at 9,000 rows a second: of
#: fewer, a run's beginning weighs too much in propload.
MOST_ROWS = 500_000


def load(rows: list[dict[str, Any]], scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    run(rows, scratch, table)
