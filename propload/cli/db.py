"""`propload db`: the embedded database."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from propload.cli.command import YES, add_group, command, own_app
from propload.cli.flags import argument
from propload.cli.run_arguments import places
from propload.cli.settings import settings_group
from propload.errors import ConfigError

if TYPE_CHECKING:
    from propload.cli.output import Screen
    from propload.options import Settings

_STATE_DIR = settings_group(["state_dir"])
_WORDS = argument(list[str] | None, "ARGUMENT", "Arguments for psql, after --.")

app = own_app()
group = add_group(app, "db", "Start, stop and inspect the embedded database.")


@command(group, "start", example="propload db start", settings=_STATE_DIR)
def start(settings: Settings, screen: Screen) -> None:
    """Start the embedded database if necessary, and print its address."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    folder = places(settings).state_dir
    embedded.start(folder)
    _print_url(screen, url=embedded.url(folder))


@command(group, "stop", example="propload db stop", settings=_STATE_DIR)
def stop(settings: Settings, screen: Screen) -> None:
    """Stop the embedded database; its rows stay."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    was_running = embedded.stop(places(settings).state_dir)
    message = "stopped" if was_running else "it was not running"
    screen.report_done(message, was_running=was_running)


@command(group, "status", example="propload db status --json", settings=_STATE_DIR)
def status(settings: Settings, screen: Screen) -> None:
    """Print whether the embedded database runs, where, and how large it is."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    status_values = asdict(embedded.status(places(settings).state_dir))
    if screen.as_json:
        plain = {
            **status_values,
            "folder": str(status_values["folder"]),
            "log": str(status_values["log"]),
        }
        screen.show_values(plain)
        return
    status_values["size"] = f"{status_values.pop('size_bytes') / (1 << 20):,.0f} MB"
    width = max(map(len, status_values))
    screen.print_lines(
        f"{name:<{width}}  {_text(status_values[name])}" for name in status_values
    )


@command(
    group,
    "url",
    example='propload db start\npsql "$(propload db url)" -c "SELECT 1"',
    settings=_STATE_DIR,
)
def url(settings: Settings, screen: Screen) -> None:
    """Print the address of the embedded database; starts nothing."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    _print_url(screen, url=embedded.url(places(settings).state_dir))


@command(
    group,
    "psql",
    example='propload db psql -- -c "SELECT count(*) FROM listings"',
    words=_WORDS,
    settings=_STATE_DIR,
)
def psql(words: list[str] | None, settings: Settings, screen: Screen) -> None:
    """Open psql on the embedded database, which is started if necessary."""
    if screen.as_json:
        msg = "psql prints its own output: leave --json out; `-- --csv` makes it CSV"
        raise ConfigError(msg)
    from propload.postgres.server import bundled, embedded  # noqa: PLC0415 - only here

    program = bundled.psql()
    if program is None:
        msg = "there is no psql on this machine: install PostgreSQL's client"
        raise ConfigError(msg)
    folder = places(settings).state_dir
    embedded.start(folder)
    # libpq's variables (PGHOST, PGUSER …) describe other servers
    environment = {k: v for k, v in os.environ.items() if not _is_of_libpq(k)}
    argv = [str(program), embedded.url(folder), *(words or [])]
    # psql replaces this process, so that it gets the keys and sets the exit code
    os.execve(program, argv, environment)  # noqa: S606


@command(group, "destroy", example="propload db destroy", yes=YES, settings=_STATE_DIR)
def destroy(yes: bool, settings: Settings, screen: Screen) -> None:  # noqa: FBT001 - called by name
    """Stop the embedded database and delete it with all its rows."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    state_dir = places(settings).state_dir
    folder = embedded.status(state_dir).folder
    is_there = folder.exists()
    if is_there and not yes:
        screen.confirm(f"Delete {folder} and all its tables?")
    embedded.destroy(state_dir)
    message = f"deleted {folder}" if is_there else "there is no embedded database"
    screen.report_done(message, deleted=str(folder) if is_there else None)


def _is_of_libpq(variable: str) -> bool:
    # PG_COLOR and the like only set how psql looks
    return variable.startswith("PG") and not variable.startswith("PG_")


def _print_url(screen: Screen, *, url: str) -> None:
    if screen.as_json:
        screen.show_values({"url": url})
    else:
        screen.print(url)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
