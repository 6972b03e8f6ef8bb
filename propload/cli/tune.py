"""`propload tune`: find the batch size and workers that suit rows and server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from propload.cli.command import command, own_app
from propload.cli.flags import option, switch
from propload.cli.settings import settings_group
from propload.cli.sources import sources_group
from propload.config import SETTINGS
from propload.errors import ConfigError
from propload.messages.wording import visible, visible_json
from propload.options import UNTRIED

if TYPE_CHECKING:
    from pathlib import Path

    from propload.cli.output import Screen
    from propload.cli.sources import ChosenSources
    from propload.options import Settings
    from propload.trials import Trial, Tuning

EXAMPLE = """
propload tune listings.parquet --schema listing
propload tune --job nightly --seconds 120 --write
"""
_PANEL = "Running"

SECONDS = option(
    float,
    "--seconds",
    default=60.0,
    metavar="S",
    min=1,
    help="About how long the search takes.",
    rich_help_panel=_PANEL,
)
ROWS = option(
    int,
    "--rows",
    default=400_000,
    metavar="N",
    min=1,
    help="Most rows to read for the trials.",
    rich_help_panel=_PANEL,
)
WRITE = switch(
    "--write",
    "Write the choice to the configuration file, auto where none is clearly faster: "
    "for the job of --job, otherwise for all jobs.",
    panel=_PANEL,
)

app = own_app()


@command(
    app,
    "tune",
    example=EXAMPLE,
    settings=settings_group(name for name in SETTINGS if name not in UNTRIED),
    seconds=SECONDS,
    rows=ROWS,
    write=WRITE,
    chosen=sources_group(),
)
def tune(  # noqa: PLR0917 - typer hands over each by its name
    chosen: ChosenSources,
    seconds: float,
    rows: int,
    write: bool,  # noqa: FBT001 - typer hands it over by its name
    settings: Settings,
    screen: Screen,
) -> None:
    """Load the first rows in several ways and say which was fastest.

    The trials use tables of their own, which are removed afterwards; the target
    stays as it is.
    """
    from propload.tuning import tune as search  # noqa: PLC0415 - heavy

    tuning = search(
        chosen.source(),
        job=chosen.job,
        rows=rows,
        seconds=seconds,
        on_trial=lambda trial: screen.tell(_trial_text(trial)),
        **settings,
    )
    screen.print(
        visible_json(tuning.to_json()) if screen.as_json else visible(str(tuning))
    )
    if write:
        _write_or_explain(tuning, chosen.job, screen)


def _trial_text(trial: Trial) -> str:
    return (
        f"workers {trial.workers}, batch_rows {trial.batch_rows:,}: "
        f"{trial.rows_per_second:,.0f} rows/s"
    )


def _write_or_explain(tuning: Tuning, job: str | None, screen: Screen) -> None:
    try:
        path = _write(tuning, job)
    except ConfigError as error:
        # on stderr only: with --json, stdout already has its one object
        screen.explain(error)
        raise typer.Exit(error.exit_code) from None
    scope = f"job {job}" if job else "every job (--job NAME writes for one)"
    chosen = " and ".join(
        f"{name} = {value}" for name, value in tuning.settings.items()
    )
    screen.tell(f"{chosen} written to {path}, for {scope}")


def _write(tuning: Tuning, job: str | None) -> Path:
    """Write the choice to the configuration file, and return its path."""
    from propload.config.writing import write_settings  # noqa: PLC0415 - rare

    if tuning.doubt:
        msg = f"nothing is written: {tuning.doubt}"
        raise ConfigError(msg)
    chosen = tuning.settings
    values = {"batch_rows": chosen["batch_rows"], "workers": chosen["workers"]}
    return write_settings(values, job=job)
