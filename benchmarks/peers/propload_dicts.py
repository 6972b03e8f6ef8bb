"""propload from dicts, as the layout says: listings with all their checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.loads import load as ingest

if TYPE_CHECKING:
    from typing import Any

    from benchmarks.scratch import Scratch

FORM = "dicts"
MOST_ROWS = 20_000_000


def load(rows: list[dict[str, Any]], scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    ingest(rows, scratch, table)
