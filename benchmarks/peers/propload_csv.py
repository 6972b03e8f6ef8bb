"""propload from a CSV file, as pgloader is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.loads import load as ingest

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.scratch import Scratch

FORM = "csv"
MOST_ROWS = 20_000_000


def load(rows: Path, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows of a file, which is read on the clock."""
    ingest(rows, scratch, table)
