"""`propload ingest`: load sources into a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from propload.cli.command import command, own_app
from propload.cli.exit_codes import exit_code
from propload.cli.settings import settings_group
from propload.cli.sources import sources_group

if TYPE_CHECKING:
    from propload.cli.output import Screen
    from propload.cli.sources import ChosenSources
    from propload.options import Settings

EXAMPLE = """
propload ingest listings.csv --table listings --key listing_id
propload ingest 'exports/*.parquet' --table homes --key id --newest seen
cat rows.ndjson | propload ingest - --table rows --mode append --json
"""

app = own_app()


@command(
    app,
    "ingest",
    example=EXAMPLE,
    settings=settings_group(),
    chosen=sources_group(crawls=True),
)
def ingest(chosen: ChosenSources, settings: Settings, screen: Screen) -> None:
    """Load sources into a PostgreSQL table.

    Exit codes: 0 loaded, 1 the run failed and nothing is lost, 2 usage or
    configuration, 3 too many rows or all were rejected, 4 source unreadable
    or empty, 5 the site blocked the crawl, 75 another process has the
    table's lock, the run, its journal or the crawl's JOBDIR, 130 interrupted.
    """
    from propload.ingesting import ingest as load  # noqa: PLC0415 - heavy

    report = load(
        chosen.source(resume=settings.get("resume")),
        job=chosen.job,
        **chosen.crawl(),
        **screen.without_progress_if_quiet(settings),
    )
    with screen.after_runs([report]):
        screen.show(report)
    raise typer.Exit(exit_code(report))
