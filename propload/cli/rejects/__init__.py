"""`propload rejects`: look at the rows that runs rejected, and load them after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.cli.command import add_group
from propload.cli.rejects import drop, export, list_runs, replay, show

if TYPE_CHECKING:
    import typer


def add_to(app: typer.Typer) -> None:
    """Add the group `rejects` to the app."""
    meaning = "Look at the rows that runs rejected, and load them after all."
    group = add_group(app, "rejects", meaning)
    for one in (list_runs, show, replay, export, drop):
        one.add_to(group)
