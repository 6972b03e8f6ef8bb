"""`propload runs`: the reports of earlier runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from propload.cli.command import command
from propload.cli.flags import Part
from propload.cli.places import RUN, places
from propload.cli.settings import settings_group
from propload.cli.table import print_table
from propload.errors import ConfigError
from propload.report import from_dict

if TYPE_CHECKING:
    from pathlib import Path

    from propload.cli.screen import Screen
    from propload.options import Settings
    from propload.report import Report

#: A screenful; `--limit 0` lists all.
LISTED_RUNS = 20

LIMIT = Part(
    int,
    typer.Option("--limit", metavar="N", min=0, help="Runs listed; 0 lists all."),
    default=LISTED_RUNS,
)


def add_to(app: typer.Typer) -> None:
    """Add the group `runs` to the app."""
    group = typer.Typer(
        help="Look at the reports of earlier runs.", no_args_is_help=True
    )
    app.add_typer(group, name="runs")
    _add_list(group)
    _add_show(group)


def _add_list(group: typer.Typer) -> None:
    @command(
        group,
        "list",
        example="propload runs list",
        limit=LIMIT,
        given=settings_group(["state_dir"]),
    )
    def list_runs(limit: int, given: Settings, screen: Screen) -> None:
        """List runs with what became of their rows, newest first."""
        paths = _reports(given)
        reports = [_load(path) for path in paths[: limit or None]]
        if screen.as_json:
            screen.show_values([report.as_dict() for report in reports])
            return
        if not reports:
            screen.tell("no run has ended yet")
            return
        columns = ("run", "status", "table", "read", "changed", "rejected", "source")
        print_table(screen, columns, [_line(report) for report in reports])


def _add_show(group: typer.Typer) -> None:
    @command(
        group,
        "show",
        example="propload runs show\npropload runs show RUN --json",
        run=RUN,
        given=settings_group(["state_dir"]),
    )
    def show(run: str, given: Settings, screen: Screen) -> None:
        """Show the report of a run."""
        screen.show(_load(_find(_reports(given), run)))


def _reports(given: Settings) -> list[Path]:
    """Return the files of reports, newest first: a run's name begins with its time."""
    return sorted(places(given).runs.glob("*.json"), reverse=True)


def _find(paths: list[Path], run: str) -> Path:
    found = [path for path in paths if path.stem.startswith(run)]
    exact = [path for path in found if path.stem == run]
    if exact or len(found) == 1 or (found and not run):
        return (exact or found)[0]
    how_many = f"{len(found)} runs begin so" if found else "there is no such run"
    msg = f"run {run!r}: {how_many}. See: propload runs list"
    raise ConfigError(msg)


def _load(path: Path) -> Report:
    try:
        return from_dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"the report {path} cannot be read: {error}"
        raise ConfigError(msg) from error


def _line(report: Report) -> tuple[str, ...]:
    counts = report.counts
    changed = counts.inserted + counts.updated
    numbers = (counts.read, changed, counts.rejected)
    return (
        report.run_id,
        report.status,
        report.target.table,
        *(f"{number:,}" for number in numbers),
        report.source,
    )
