"""How `--help` shows the flags of a command or of a group of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperArgument, TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Where the flags of what a command prints are shown, and that of its help.
OUTPUT_PANEL = "Output"


class HelpedCommand(TyperCommand):
    """A command whose help shows what its flags take in words, never as a type."""

    def get_params(self, ctx: Any) -> list[Any]:  # Any: click's types are not public
        """Return the flags and arguments."""
        found: list[Any] = super().get_params(ctx)
        _without_types(found)
        if any(_panel(one) == OUTPUT_PANEL for one in found):
            # the last of them: a panel of its own would come before all others
            found[-1].rich_help_panel = OUTPUT_PANEL
        return found


class HelpedGroup(TyperGroup):
    """A group whose help shows what its flags take in words, never as a type."""

    def get_params(self, ctx: Any) -> list[Any]:  # Any: click's types are not public
        """Return the flags."""
        found: list[Any] = super().get_params(ctx)
        _without_types(found)
        return found


def _without_types(parameters: Iterable[Any]) -> None:
    """Take typer's own types (`<bool>`, `<list[str]>`) from what has no other."""
    for one in parameters:
        if isinstance(one, TyperArgument):
            # its metavar is its name, which is shown beside the type
            one.display_type_rich = _nothing  # type: ignore[assignment]
        elif getattr(one, "is_flag", False) and one.metavar is None:
            one.metavar = ""


def _panel(parameter: Any) -> str | None:
    return getattr(parameter, "rich_help_panel", None)


def _nothing(**_given: object) -> str:
    return ""
