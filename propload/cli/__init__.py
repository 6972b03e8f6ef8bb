"""The command line; `main` is what `propload` runs.

A command is a module here with `add_to(app)`, named in `COMMANDS` in the order of
`--help`. Commands import what they need when they run, so that help comes at once.
"""

from __future__ import annotations

from importlib import import_module

import typer

from propload.cli.flags import Part, expand

#: The modules of the commands.
COMMANDS = (
    "ingest",
    "check",
    "rejects",
    "recover",
    "runs",
    "tune",
    "spiders",
    "db",
    "demo",
)

_SUMMARY = """Load property listings, and any other table, into PostgreSQL.

Rows are checked, compared with what is stored, and written in bulk. Without --to an
embedded PostgreSQL is used. See `propload COMMAND --help`.
"""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    build_app()(prog_name="propload")


def build_app() -> typer.Typer:
    """Return the command line with all its commands."""
    app = typer.Typer(
        help=_SUMMARY,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(expand(_top, {"version": _VERSION}))
    for name in COMMANDS:
        import_module(f"propload.cli.{name}").add_to(app)
    return app


def _top(*, version: bool) -> None:
    """Do nothing besides what the flags of the top level do by themselves."""
    assert not version  # noqa: S101 - its callback ends the process


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature
    if wanted:
        from importlib import metadata  # noqa: PLC0415 - 40 ms that help saves

        typer.echo(f"propload {metadata.version('propload')}")
        raise typer.Exit


_VERSION = Part(
    bool,
    typer.Option(
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Print the version and exit.",
    ),
    default=False,
)
