"""The command line; `main` is what `propload` runs.

A command is a module here with an `app` of its own, named in `COMMANDS` in the order of
`--help`. It is imported when it is called, and imports what it needs when it runs, so
that help comes at once.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

import typer
from typer.exceptions import TyperException
from typer.main import get_group

from propload.cli.flags import completed, expand, flowing, option
from propload.cli.help_format import HelpedGroup
from propload.cli.streams import (
    escape_what_cannot_be_printed,
    forget_too_narrow_lines,
    let_stderr_fail,
    open_closed_streams,
    patient_stdout,
)
from propload.errors import OutputError, without_passwords

#: The modules of the commands, each with the first line of its help.
COMMANDS = {
    "ingest": "Load sources into a PostgreSQL table.",
    "check": "Show what ingest would do, without writing: columns, types, rejects.",
    "recover": "Load what killed runs left in their journals: nothing is lost.",
    "tune": "Load the first rows in several ways and say which was fastest.",
    "spiders": "List the registered spiders with the arguments that they take.",
    "demo": "Crawl a made-up site on this machine for two days, and show what changed.",
    "rejects": "Look at the rows that runs rejected, and load them after all.",
    "runs": "Look at the reports of earlier runs, and drop old ones.",
    "db": "Start, stop and inspect the embedded database.",
}

#: What a context knows of the words that a command was called with.
_AS_JSON = "propload.as_json"

#: What flags mean that may stand without a value.
_BARE = {"--resume": "true"}

_SUMMARY = """Load property listings, and any other table, into PostgreSQL.

Rows are checked, compared with what is stored, and written in bulk. Without --to an
embedded PostgreSQL is used. See `propload COMMAND --help`.
"""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _keep_owners_rights()
    open_closed_streams()
    escape_what_cannot_be_printed()
    let_stderr_fail()
    forget_too_narrow_lines()
    try:
        with patient_stdout():
            build_app()(prog_name="propload")
    except SystemExit as end:
        # typer's word for a reader that goes early, as `head` does of help: no failure
        if not isinstance(end.__context__, BrokenPipeError):
            raise
    except OutputError as error:
        # of help and the like, which are no command's
        typer.echo(f"propload: {error}", err=True)
        sys.exit(error.exit_code)


def _keep_owners_rights() -> None:
    """Let the owner of a file read and write it, whatever umask a service was given.

    Otherwise a state folder would be closed to its own user for good.
    """
    os.umask(os.umask(0o077) & 0o077)


def build_app() -> typer.Typer:
    """Return the command line, which knows of its commands what `--help` shows."""
    app = typer.Typer(
        cls=_Commands,
        help=flowing(_SUMMARY),
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(expand(_top, {"version": _VERSION}))
    for name, line in COMMANDS.items():
        app.command(name, help=line)(_stand_in)
    return app


def load_command(name: str) -> Any:
    """Return a command or group of commands with all that belongs to it.

    Its type is typer's own copy of click's `Command`, which has no public name.

    Args:
        name: One of `COMMANDS`.
    """
    return get_group(import_module(f"propload.cli.{name}").app).commands[name]


class _Commands(HelpedGroup):
    """A group that loads a command when it is called or completed."""

    def resolve_command(  # Any: the types of click have no public name in typer
        self, ctx: Any, args: list[str]
    ) -> tuple[str | None, Any, list[str]]:
        """Load the command that is named, and note whether it is to print JSON."""
        ctx.meta[_AS_JSON] = "--json" in args
        name, known, rest = super().resolve_command(ctx, completed(args, _BARE))
        return name, load_command(known.name) if known and known.name else None, rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: as above
        """Return the words left; a flag that comes too early is told where it goes."""
        given = list(args)
        try:
            parsed: list[str] = super().parse_args(ctx, args)
        except TyperException as error:
            option = getattr(error, "option_name", None)
            called = next((word for word in given if word in COMMANDS), None)
            if option is None or called is None:
                raise
            msg = f"put {option} after the command: propload {called} ... {option}"
            wrong = typer.BadParameter(msg, ctx)
            if "--json" in given:
                _print_failure(wrong)
            raise wrong from None
        return parsed

    def invoke(self, ctx: Any) -> Any:  # Any: as above
        """Run the command; what none takes is told as JSON where that is wanted."""
        try:
            return super().invoke(ctx)
        except TyperException as error:
            # words that no command takes: its own errors are told by its screen
            error.message = without_passwords(error.message)
            if ctx.meta.get(_AS_JSON):
                _print_failure(error)
            raise


def _print_failure(error: TyperException) -> None:
    from propload.messages.wording import visible_json  # noqa: PLC0415 - not for help

    said, code = error.format_message(), error.exit_code
    told = {"status": "failed", "message": said, "exit_code": code}
    with suppress(OutputError), patient_stdout():
        typer.echo(visible_json(json.dumps(told, ensure_ascii=False, indent=2)))


def _stand_in() -> None:
    """Stand in the list of commands for one that is not loaded yet."""


def _top(*, version: bool) -> None:
    """Do nothing besides what the flags of the top level do by themselves."""
    assert not version  # noqa: S101 - its callback ends the process


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature
    if wanted:
        from importlib import metadata  # noqa: PLC0415 - 40 ms that help saves

        typer.echo(f"propload {metadata.version('propload')}")
        raise typer.Exit


_VERSION = option(
    bool,
    "--version",
    default=False,
    callback=_print_version,
    is_eager=True,
    help="Print the version and exit.",
)
