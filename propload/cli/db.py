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


@command(group, "start", example="propload db start", given=_STATE_DIR)
def start(given: Settings, screen: Screen) -> None:
    """Start the embedded database if necessary, and print its address."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    folder = places(given).state_dir
    embedded.start(folder)
    _say(screen, url=embedded.url(folder))


@command(group, "stop", example="propload db stop", given=_STATE_DIR)
def stop(given: Settings, screen: Screen) -> None:
    """Stop the embedded database; its rows stay."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    was_running = embedded.stop(places(given).state_dir)
    said = "stopped" if was_running else "it was not running"
    screen.conclude(said, was_running=was_running)


@command(group, "status", example="propload db status --json", given=_STATE_DIR)
def status(given: Settings, screen: Screen) -> None:
    """Print whether the embedded database runs, where, and how large it is."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    known = asdict(embedded.status(places(given).state_dir))
    if screen.as_json:
        plain = {**known, "folder": str(known["folder"]), "log": str(known["log"])}
        screen.show_values(plain)
        return
    known["size"] = f"{known.pop('size_bytes') / (1 << 20):,.0f} MB"
    width = max(map(len, known))
    screen.print_lines(f"{name:<{width}}  {_text(known[name])}" for name in known)


@command(
    group,
    "url",
    example='propload db start\npsql "$(propload db url)" -c "SELECT 1"',
    given=_STATE_DIR,
)
def url(given: Settings, screen: Screen) -> None:
    """Print the address of the embedded database; starts nothing."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    _say(screen, url=embedded.url(places(given).state_dir))


@command(
    group,
    "psql",
    example='propload db psql -- -c "SELECT count(*) FROM listings"',
    words=_WORDS,
    given=_STATE_DIR,
)
def psql(words: list[str] | None, given: Settings, screen: Screen) -> None:
    """Open psql on the embedded database, which is started if necessary."""
    if screen.as_json:
        msg = "psql prints its own output: leave --json out; `-- --csv` makes it CSV"
        raise ConfigError(msg)
    from propload.postgres.server import bundled, embedded  # noqa: PLC0415 - only here

    program = bundled.psql()
    if program is None:
        msg = "there is no psql on this machine: install PostgreSQL's client"
        raise ConfigError(msg)
    folder = places(given).state_dir
    embedded.start(folder)
    # libpq's variables (PGHOST, PGUSER …) describe other servers
    kept = {k: v for k, v in os.environ.items() if not _is_of_libpq(k)}
    called = [str(program), embedded.url(folder), *(words or [])]
    # psql replaces this process, so that it gets the keys and sets the exit code
    os.execve(program, called, kept)  # noqa: S606


@command(group, "destroy", example="propload db destroy", yes=YES, given=_STATE_DIR)
def destroy(yes: bool, given: Settings, screen: Screen) -> None:  # noqa: FBT001 - called by name
    """Stop the embedded database and delete it with all its rows."""
    from propload.postgres.server import embedded  # noqa: PLC0415 - only here

    folder = places(given).state_dir
    home = embedded.status(folder).folder
    is_there = home.exists()
    if is_there and not yes:
        screen.confirm(f"Delete {home} and all its tables?")
    embedded.destroy(folder)
    said = f"deleted {home}" if is_there else "there is no embedded database"
    screen.conclude(said, deleted=str(home) if is_there else None)


def _is_of_libpq(variable: str) -> bool:
    # PG_COLOR and the like only set how psql looks
    return variable.startswith("PG") and not variable.startswith("PG_")


def _say(screen: Screen, *, url: str) -> None:
    if screen.as_json:
        screen.show_values({"url": url})
    else:
        screen.print(url)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
