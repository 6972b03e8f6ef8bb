"""propload from dicts, with the schema `listing`: checks, newest, keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.loads import load as load_listings

if TYPE_CHECKING:
    from typing import Any

    from benchmarks.scratch import Scratch

FORM = "dicts"
MOST_ROWS = 20_000_000


def load(rows: list[dict[str, Any]], scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    load_listings(rows, scratch, table)
