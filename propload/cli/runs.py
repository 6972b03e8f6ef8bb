"""`propload runs`: what is remembered of earlier runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from propload.cli.command import YES, command
from propload.cli.flags import Part
from propload.cli.places import RUN, places
from propload.cli.settings import settings_group
from propload.cli.table import print_table
from propload.reports import ReportStore
from propload.target import parse_table
from propload.wording import counted

if TYPE_CHECKING:
    from propload.cli.screen import Screen
    from propload.options import Settings
    from propload.report import Report

#: A screenful; `--limit 0` lists all.
LISTED_RUNS = 20
_ONE_TABLE = "TABLE or NAMESPACE.TABLE whose runs alone are meant."

_OLDER_THAN = Part(
    float,
    typer.Option(
        "--older-than",
        metavar="DAYS",
        min=0,
        help="Days since the end of a run.",
    ),
    default=...,
)

LIMIT = Part(
    int,
    typer.Option("--limit", metavar="N", min=0, help="Runs listed; 0 lists all."),
    default=LISTED_RUNS,
)


def add_to(app: typer.Typer) -> None:
    """Add the group `runs` to the app."""
    group = typer.Typer(
        help="Look at the reports of earlier runs, and drop old ones.",
        no_args_is_help=True,
    )
    app.add_typer(group, name="runs")
    _add_list(group)
    _add_show(group)
    _add_drop(group)


def _add_list(group: typer.Typer) -> None:
    @command(
        group,
        "list",
        example="propload runs list\npropload runs list --table homes",
        limit=LIMIT,
        given=settings_group(["table", "state_dir"], table=_ONE_TABLE),
    )
    def list_runs(limit: int, given: Settings, screen: Screen) -> None:
        """List runs with what became of their rows, newest first."""
        table = parse_table(given.get("table"))
        reports = _store(given).newest(limit, table=table)
        if screen.as_json:
            screen.show_values([report.as_dict() for report in reports])
            return
        if not reports:
            into = "" if table is None else f" into {table}"
            screen.tell(f"no run{into} has ended yet")
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
        screen.show(_store(given).read(run))


def _add_drop(group: typer.Typer) -> None:
    @command(
        group,
        "drop",
        example="propload runs drop --older-than 90",
        older_than=_OLDER_THAN,
        yes=YES,
        given=settings_group(["to", "table", "state_dir"], table=_ONE_TABLE),
    )
    def drop(older_than: float, yes: bool, given: Settings, screen: Screen) -> None:  # noqa: FBT001 - called by name
        """Delete what is remembered of old runs: reports, and entries of the ledger.

        Rows, refused rows and journals stay, and so does the ledger of runs that did
        not load all their rows. --resume knows no run that was dropped.
        """
        from propload.earlier.dropping import drop_runs  # noqa: PLC0415 - heavy

        if not yes:
            days = "1 day" if older_than == 1 else f"{older_than:g} days"
            into = f"into {given['table']} " if "table" in given else ""
            those = f"runs {into}that ended more than {days} ago"
            question = f"Delete what is remembered of {those}?"
            typer.confirm(question, abort=True, err=True)
        dropped = drop_runs(older_than, **given)
        if screen.as_json:
            screen.show_values(asdict(dropped))
            return
        screen.tell(
            f"dropped {counted(dropped.runs, 'run')} of the ledger, "
            f"{counted(dropped.reports, 'report')}"
        )


def _store(given: Settings) -> ReportStore:
    return ReportStore(places(given).runs)


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
