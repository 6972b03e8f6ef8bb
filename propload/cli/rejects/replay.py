"""`propload rejects replay`: load rejected rows again, corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import typer

from propload.cli.command import command, own_app
from propload.cli.exit_codes import exit_code
from propload.cli.flags import option
from propload.cli.run_arguments import REPLAYED_RUN
from propload.cli.settings import settings_group
from propload.config import RELOADING
from propload.errors import ConfigError

if TYPE_CHECKING:
    from propload.cli.output import Screen
    from propload.earlier_runs.fixing import Fix
    from propload.options import ReplaySettings, Settings

_FIX = option(
    str | None,
    "--fix",
    metavar="MODULE:FUNCTION",
    help="Function that corrects the rows: takes a frame, returns one.",
)

app = own_app()


@command(
    app,
    "replay",
    example="propload rejects replay RUN --fix fixes:fix\n"
    "propload rejects replay RUN --mapping fixed.toml",
    run=REPLAYED_RUN,
    fix=_FIX,
    settings=settings_group(RELOADING, of_run=True),
)
def replay(run: str, fix: str | None, settings: Settings, screen: Screen) -> None:
    """Load a run's rejected rows again, after the cause was fixed.

    Settings are those of the run unless others are given. What is rejected again is
    kept under the new run's name.
    """
    from propload.earlier_runs.replaying import replay as load  # noqa: PLC0415 - heavy

    fix_function = _function(fix) if fix else None
    replay_settings = cast("ReplaySettings", screen.without_progress_if_quiet(settings))
    report = load(run, fix=fix_function, **replay_settings)
    with screen.after_runs([report]):
        screen.show(report)
    raise typer.Exit(exit_code(report))


def _function(name: str) -> Fix:
    from propload.names.registry import find_object  # noqa: PLC0415 - needs Polars

    if ":" not in name:
        msg = f"--fix {name!r} is not MODULE:FUNCTION"
        raise ConfigError(msg)
    found = find_object(name, group="propload.fixes", kind="fix")
    if not callable(found):
        msg = f"--fix {name!r} is not a function"
        raise ConfigError(msg)
    return cast("Fix", found)
