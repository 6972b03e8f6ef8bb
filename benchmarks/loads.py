"""How benchmarks call propload: everything but what is measured at its default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import propload

if TYPE_CHECKING:
    from benchmarks.scratch import Scratch
    from propload.options import Settings
    from propload.report import Report


def load(source: object, scratch: Scratch, table: str, /, **settings: object) -> Report:
    """Load listings with all their checks and return the report.

    Args:
        source: What `propload.ingest` takes.
        scratch: Where to.
        table: The table.
        **settings: What differs from the defaults.
    """
    return propload.ingest(source, **place(scratch, table), **settings)  # type: ignore[arg-type] # settings of any kind


def place(scratch: Scratch, table: str, /) -> Settings:
    """Return the settings that say where listings go."""
    return {
        "to": scratch.dsn,
        "table": f"{scratch.namespace}.{table}",
        "schema": "listing",
        "state_dir": scratch.state,
        "progress": False,
    }
