"""The command line; `main` is what `propload` runs.

Each command is a module of this package with its own `app`, listed in `COMMANDS` in the
order of `--help`. A module is imported only when its command is called, and imports
heavy dependencies only when the command runs, so that help is shown without delay.
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

from propload.cli.flags import expand, option, unwrap_paragraphs, with_implied_values
from propload.cli.help_format import HelpedGroup
from propload.cli.streams import (
    escape_unprintable,
    ignore_stderr_errors,
    open_closed_streams,
    tolerate_closed_stdout,
    unset_narrow_columns,
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

#: Key of the context's `meta`: whether `--json` is among the arguments.
_AS_JSON = "propload.as_json"

#: Flags that may be given without a value, each with the value that this means.
_IMPLIED_VALUES = {"--resume": "true"}

_SUMMARY = """Load property listings, and any other table, into PostgreSQL.

Rows are checked, compared with what is stored, and written in bulk. Without --to an
embedded PostgreSQL is used. See `propload COMMAND --help`.
"""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _keep_owners_rights()
    open_closed_streams()
    escape_unprintable()
    ignore_stderr_errors()
    unset_narrow_columns()
    try:
        with tolerate_closed_stdout():
            build_app()(prog_name="propload")
    except SystemExit as end:
        # typer exits like this if the reader of stdout, such as `head`, closes the
        # pipe early, which is no failure
        if not isinstance(end.__context__, BrokenPipeError):
            raise
    except OutputError as error:
        # from output that belongs to no command, such as help
        typer.echo(f"propload: {error}", err=True)
        sys.exit(error.exit_code)


def _keep_owners_rights() -> None:
    """Clear the owner's bits in the umask, which a service manager may have set.

    Otherwise the owner of a new state folder could never read or write it.
    """
    os.umask(os.umask(0o077) & 0o077)


def build_app() -> typer.Typer:
    """Return the app of the command line, with only the help line of each command."""
    app = typer.Typer(
        cls=_Commands,
        help=unwrap_paragraphs(_SUMMARY),
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(expand(_top, {"version": _VERSION}))
    for name, line in COMMANDS.items():
        app.command(name, help=line)(_placeholder)
    return app


def load_command(name: str) -> Any:
    """Import a command or group of commands and return it.

    Its type is typer's own copy of click's `Command`, which has no public name.

    Args:
        name: One of `COMMANDS`.
    """
    return get_group(import_module(f"propload.cli.{name}").app).commands[name]


class _Commands(HelpedGroup):
    """A group that imports a command only when it is called or completed."""

    def resolve_command(  # Any: the types of click have no public name in typer
        self, ctx: Any, args: list[str]
    ) -> tuple[str | None, Any, list[str]]:
        """Import the named command, and note whether it is to print JSON."""
        ctx.meta[_AS_JSON] = "--json" in args
        name, command, rest = super().resolve_command(
            ctx, with_implied_values(args, _IMPLIED_VALUES)
        )
        return (
            name,
            load_command(command.name) if command and command.name else None,
            rest,
        )

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: as above
        """Return the arguments left after parsing.

        The error for a flag before the command says where to put it.
        """
        before = list(args)
        try:
            parsed: list[str] = super().parse_args(ctx, args)
        except TyperException as error:
            option = getattr(error, "option_name", None)
            command = next((word for word in before if word in COMMANDS), None)
            if option is None or command is None:
                raise
            msg = f"put {option} after the command: propload {command} ... {option}"
            wrong = typer.BadParameter(msg, ctx)
            if "--json" in before:
                _print_failure(wrong)
            raise wrong from None
        return parsed

    def invoke(self, ctx: Any) -> Any:  # Any: as above
        """Run the command; with `--json`, print usage errors as JSON too."""
        try:
            return super().invoke(ctx)
        except TyperException as error:
            # only usage errors arrive here: the command's `Screen` reports all others
            error.message = without_passwords(error.message)
            if getattr(error, "option_name", None) and _passes_words_on(error):
                error.message += "; put options for psql after --"
            if ctx.meta.get(_AS_JSON):
                _print_failure(error)
            raise


def _passes_words_on(error: TyperException) -> bool:
    """Return whether a usage error is of the command whose words psql gets."""
    failed: Any = getattr(error, "ctx", None)
    return failed is not None and failed.info_name == "psql"


def _print_failure(error: TyperException) -> None:
    from propload.messages.wording import visible_json  # noqa: PLC0415 - not for help

    message, code = error.format_message(), error.exit_code
    failure = {"status": "failed", "message": message, "exit_code": code}
    with suppress(OutputError), tolerate_closed_stdout():
        typer.echo(visible_json(json.dumps(failure, ensure_ascii=False, indent=2)))


def _placeholder() -> None:
    """Do nothing: a placeholder for a command that is not imported yet."""


def _top(*, version: bool) -> None:
    """Do nothing: the flags of the top level act by their callbacks."""
    assert not version  # noqa: S101 - its callback ends the process


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer's signature
    if is_wanted:
        from importlib import metadata  # noqa: PLC0415 - takes 40 ms

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
