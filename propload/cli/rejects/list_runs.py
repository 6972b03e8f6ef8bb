"""`propload rejects list`: the runs that rejected rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from propload.cli.command import command
from propload.cli.places import MOST_RUNS, find_rejects
from propload.cli.settings import settings_group
from propload.cli.table import print_table

if TYPE_CHECKING:
    import typer

    from propload.cli.screen import Screen
    from propload.options import Settings


def add_to(group: typer.Typer) -> None:
    """Add `list` to the group."""

    @command(
        group,
        "list",
        example="propload rejects list",
        limit=MOST_RUNS,
        given=settings_group(["state_dir"]),
    )
    def list_runs(limit: int, given: Settings, screen: Screen) -> None:
        """List the runs that rejected rows, newest first."""
        # one more tells whether there are others
        found = find_rejects(given).runs(limit and limit + 1)
        runs = found[: limit or None]
        if screen.as_json:
            screen.show_values([{**asdict(one), "path": str(one.path)} for one in runs])
            return
        if not runs:
            screen.tell("no run has rejected rows")
            return
        columns = ("run", "rows", "source", "time", "first reason")
        lines = [(r.run_id, f"{r.rows:,}", r.source, r.time, r.reason) for r in runs]
        print_table(screen, columns, lines)
        if len(found) > len(runs):
            screen.tell("earlier runs have rejected rows as well; --limit 0 lists all")
