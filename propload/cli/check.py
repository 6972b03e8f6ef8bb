"""`propload check`: say what a load would do, without writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from propload.cli.command import command, own_app
from propload.cli.settings import settings_group
from propload.cli.sources import sources_group
from propload.process.early_signals import INTERRUPTED

if TYPE_CHECKING:
    from propload.cli.output import Screen
    from propload.cli.sources import ChosenSources
    from propload.options import Settings

EXAMPLE = """
propload check listings.csv --table listings --key listing_id
propload check listings.csv --schema listing --mapping funda --json
propload check spider:funda -a place=delft -a max_pages=1
"""

app = own_app()


@command(
    app,
    "check",
    example=EXAMPLE,
    settings=settings_group(),
    chosen=sources_group(crawls=True),
)
def check(chosen: ChosenSources, settings: Settings, screen: Screen) -> None:
    """Show what ingest would do, without writing: columns, types, rejects.

    It exits with 1 where something would stop the load. A crawl that is
    interrupted (Ctrl-C) tells of the rows that had come.
    """
    from propload.checking.check import check as look  # noqa: PLC0415 - heavy

    report = look(
        chosen.source(),
        job=chosen.job,
        **chosen.crawl(),
        **screen.without_progress_if_quiet(settings),
    )
    screen.show(report)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.problems:
        raise typer.Exit(1)
