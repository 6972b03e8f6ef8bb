"""Define commands: their help, example, flags and error handling."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from propload.cli.flags import ParameterSpec, expand, option, switch
from propload.cli.help_format import HelpedCommand, HelpedGroup
from propload.cli.output import Screen, screen_group
from propload.config.files import CONFIG_VARIABLE
from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_CONFIG = option(
    str | None,
    "--config",
    metavar="FILE",
    help="Configuration file; the nearest propload.toml or pyproject.toml by default.",
    rich_help_panel="Running",
)
#: The flag that skips the question of commands that delete.
YES = switch("--yes", "Do not ask.", "-y")


def own_app() -> typer.Typer:
    """Return a new app for a module's command or group of commands."""
    return typer.Typer(rich_markup_mode="rich")


def add_group(app: typer.Typer, name: str, meaning: str) -> typer.Typer:
    """Add a group of commands to an app, and return the group."""
    group = typer.Typer(cls=HelpedGroup, help=meaning, no_args_is_help=True)
    app.add_typer(group, name=name)
    return group


def command(
    app: typer.Typer, name: str, *, example: str, **specs: ParameterSpec
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds a function to an app as a command.

    The function's docstring is the command's help; its parameter `screen` receives the
    `Screen` to print on. An error of propload is printed on stderr, and the process
    exits with its code.

    Args:
        app: The app that the command is added to.
        name: The command's name.
        example: Commands that work, one per line, shown at the end of the help.
        specs: Its flags and arguments, by parameter name of the function.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        """Register the function as a command, and return it unchanged."""

        def guarded(screen: Screen, config: str | None, **values: object) -> None:
            with screen.running():
                if config is not None:
                    if not config:
                        msg = "config: is empty: give a file, or leave it out"
                        raise ConfigError(msg)
                    # inherited by the processes that this one starts
                    os.environ[CONFIG_VARIABLE] = config
                function(screen=screen, **values)

        guarded.__doc__ = function.__doc__
        parameters = {**specs, "config": _CONFIG, "screen": screen_group()}
        add = app.command(name, cls=HelpedCommand, epilog=_example(example))
        add(expand(guarded, parameters))
        return function

    return decorate


def _example(lines: str) -> str:
    # typer joins lines that no empty line separates
    return "\n\n".join(["[bold]Example[/bold]", *lines.strip().splitlines()])
