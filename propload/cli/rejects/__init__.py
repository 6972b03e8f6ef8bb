"""`propload rejects`: look at the rows that runs rejected, and load them after all."""

from __future__ import annotations

import typer

from propload.cli.helping import HelpedGroup
from propload.cli.rejects import drop, export, list_runs, replay, show


def add_to(app: typer.Typer) -> None:
    """Add the group `rejects` to the app."""
    group = typer.Typer(
        cls=HelpedGroup,
        help="Look at the rows that runs rejected, and load them after all.",
        no_args_is_help=True,
    )
    app.add_typer(group, name="rejects")
    for one in (list_runs, show, replay, export, drop):
        one.add_to(group)
