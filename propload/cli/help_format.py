"""How `--help` shows the flags of a command or of a group of commands."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup

#: Where the flags of what a command prints are shown, and that of its help.
OUTPUT_PANEL = "Output"


class HelpedCommand(TyperCommand):
    """A command whose help shows what its flags take in words, never as a type."""

    def get_params(self, ctx: Any) -> list[Any]:  # Any: click's types are not public
        """Return the flags and arguments."""
        found = _without_types(super().get_params(ctx))
        if any(getattr(one, "rich_help_panel", "") == OUTPUT_PANEL for one in found):
            # the last of them: a panel of its own would come before all others
            found[-1].rich_help_panel = OUTPUT_PANEL
        return found


class HelpedGroup(TyperGroup):
    """A group whose help shows what its flags take in words, never as a type."""

    def get_params(self, ctx: Any) -> list[Any]:  # Any: click's types are not public
        """Return the flags."""
        return _without_types(super().get_params(ctx))


def _without_types(parameters: list[Any]) -> list[Any]:
    """Take typer's own types (`<bool>`, `<list[str]>`) from what has no other."""
    for one in parameters:
        if isinstance(one, TyperArgument):
            # its metavar is its name, which is shown beside the type
            one.display_type_rich = lambda **_: ""  # type: ignore[method-assign]
        elif getattr(one, "is_flag", False) and one.metavar is None:
            one.metavar = ""
    return parameters
