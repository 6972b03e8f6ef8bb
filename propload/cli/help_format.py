"""How `--help` shows the flags of a command or of a group of commands."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup

#: The panel of the flags that control output, and of `--help`.
OUTPUT_PANEL = "Output"


class HelpedCommand(TyperCommand):
    """A command whose help shows no types of flags, only our own placeholders."""

    def get_params(self, ctx: Any) -> list[Any]:  # Any: click's types are not public
        """Return the flags and arguments."""
        parameters = _without_types(super().get_params(ctx))
        if any(
            getattr(parameter, "rich_help_panel", "") == OUTPUT_PANEL
            for parameter in parameters
        ):
            # the last is --help; in the default panel it would precede all others
            parameters[-1].rich_help_panel = OUTPUT_PANEL
        return parameters


class HelpedGroup(TyperGroup):
    """A group whose help shows no types of flags, only our own placeholders."""

    def get_params(self, ctx: Any) -> list[Any]:  # Any: click's types are not public
        """Return the flags."""
        return _without_types(super().get_params(ctx))


def _without_types(parameters: list[Any]) -> list[Any]:
    """Hide typer's types (`<bool>`, `<list[str]>`) of arguments and bare flags."""
    for parameter in parameters:
        if isinstance(parameter, TyperArgument):
            # its metavar is its name, which is shown anyway
            parameter.display_type_rich = lambda **_: ""  # type: ignore[method-assign]
        elif getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters
