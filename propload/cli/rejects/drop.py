"""`propload rejects drop`: delete rejected rows that nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from propload.cli.command import YES, command, own_app
from propload.cli.flags import option
from propload.cli.run_arguments import find_rejected, run_argument
from propload.cli.settings import settings_group
from propload.errors import ConfigError
from propload.messages.wording import counted

if TYPE_CHECKING:
    from propload.cli.output import Screen
    from propload.options import FileSettings, Settings

#: Without a default: what is dropped cannot be restored.
_RUN_NAMED = run_argument("A run's name or its beginning.")
_OLDER_THAN = option(
    float | None,
    "--older-than",
    metavar="DAYS",
    min=0,
    help="Rows of all runs that were rejected more than this many days ago.",
    show_default=False,
)

app = own_app()


@command(
    app,
    "drop",
    example="propload rejects drop RUN\npropload rejects drop --older-than 90",
    run=_RUN_NAMED,
    older_than=_OLDER_THAN,
    yes=YES,
    settings=settings_group(["state_dir"]),
)
def drop(
    *,
    run: str,
    older_than: float | None,
    yes: bool,
    settings: Settings,
    screen: Screen,
) -> None:
    """Delete rejected rows for good: those of a run, or old ones of all runs."""
    if bool(run) == (older_than is not None):
        msg = "specify whose rejected rows to delete: RUN, or --older-than DAYS"
        raise ConfigError(msg)
    if older_than is None:
        _drop_one(run, settings, screen, yes=yes)
    else:
        _drop_old(older_than, settings, screen, yes=yes)


def _drop_one(run: str, settings: Settings, screen: Screen, *, yes: bool) -> None:
    from propload.earlier_runs.dropping import drop_rejects  # noqa: PLC0415 - heavy
    from propload.rejecting.lines import count_lines  # noqa: PLC0415 - needs Polars

    path = find_rejected(run, settings)
    if not yes:
        rows = count_lines(path)
        question = f"Delete {counted(rows, 'rejected row')} of run {path.stem}?"
        screen.confirm(question)
    drop_rejects(path.stem, **cast("FileSettings", settings))
    screen.report_done(f"deleted {path}", dropped=path.stem)


def _drop_old(days: float, settings: Settings, screen: Screen, *, yes: bool) -> None:
    from propload.earlier_runs.dropping import drop_old_rejects  # noqa: PLC0415 - heavy

    if not yes:
        age = "1 day" if days == 1 else f"{days:g} days"
        question = f"Delete all rows that were rejected more than {age} ago?"
        screen.confirm(question)
    runs = drop_old_rejects(days, **cast("FileSettings", settings))
    message = f"deleted the rejected rows of {counted(runs, 'run')}"
    screen.report_done(message, runs=runs)
