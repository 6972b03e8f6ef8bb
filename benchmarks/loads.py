"""How benchmarks call propload: everything but what is measured at its default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import propload

if TYPE_CHECKING:
    from benchmarks.scratch import Scratch
    from propload.options import Settings
    from propload.report import Report


def load(source: object, scratch: Scratch, table: str, /, **settings: object) -> Report:
    """Load rows as their layout says and return the report.

    Args:
        source: What `propload.ingest` takes.
        scratch: Where to.
        table: The table.
        **settings: What differs from the defaults.
    """
    return propload.ingest(source, **place(scratch, table), **settings)  # type: ignore[arg-type] # settings of any kind


def place(scratch: Scratch, table: str, /) -> Settings:
    """Return the settings that say where rows go, and what they are."""
    settings: Settings = {
        "to": scratch.dsn,
        "table": f"{scratch.namespace}.{table}",
        "state_dir": scratch.state,
        "progress": False,
    }
    layout = scratch.layout
    if layout.schema is not None:
        # the schema knows the key, the newest and what a null does
        return {**settings, "schema": layout.schema}
    settings |= {"key": layout.key, "on_null": layout.on_null}
    return settings if layout.newest is None else {**settings, "newest": layout.newest}
