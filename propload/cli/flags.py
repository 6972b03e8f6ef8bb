"""The flags of a command, made from values instead of its signature.

So the table of settings becomes flags without being repeated (`propload.cli.settings`),
and a command's module needs no run-time imports just for typer to read annotations.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Part:
    """One flag or argument.

    Attributes:
        type: The type that typer converts it to.
        option: What `typer.Option` or `typer.Argument` returned.
        default: The value if it is not given.
    """

    type: object
    option: Any  # typer's functions return Any
    default: object = None


def option(kind: object, *flags: str, default: object = None, **shown: Any) -> Part:
    """Return a flag that takes a value; keywords are passed on to `typer.Option`."""
    return Part(kind, typer.Option(*flags, **shown), default)


def argument(kind: object, name: str, meaning: str, default: object = None) -> Part:
    """Return a positional argument."""
    shown = typer.Argument(metavar=name, help=meaning, show_default=False)
    return Part(kind, shown, default)


def switch(flag: str, meaning: str, *short: str, panel: str | None = None) -> Part:
    """Return a flag without a value: True if it is given, otherwise False."""
    shown = {"help": meaning, "show_default": False, "rich_help_panel": panel}
    return option(bool, flag, *short, default=False, **shown)


@dataclass(frozen=True, slots=True)
class Group:
    """Flags whose values together become one argument of a command.

    Attributes:
        parts: The flags by name.
        gather: Returns the argument, given their values by name.
    """

    parts: Mapping[str, Part]
    gather: Callable[[Mapping[str, object]], object]


#: How one parameter of a command is given on the command line.
Shown: TypeAlias = Part | Group


def expand(
    command: Callable[..., None], shown: Mapping[str, Shown]
) -> Callable[..., None]:
    """Return the command with a signature for typer: a parameter for each part.

    Args:
        command: Called with one value for each name in `shown`.
        shown: The parts and groups, by parameter name of the command.
    """

    def expanded(**values: object) -> None:
        for name, one in shown.items():
            if isinstance(one, Group):
                told = {part: values.pop(part) for part in one.parts}
                values[name] = one.gather(told)
        command(**values)

    parts: dict[str, Part] = {}
    for name, one in shown.items():
        parts.update(one.parts if isinstance(one, Group) else {name: one})
    expanded.__doc__ = flowing(inspect.getdoc(command) or "")
    expanded.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # for typer
        [_parameter(name, part) for name, part in parts.items()]
    )
    return expanded


def completed(words: Sequence[str], meant: Mapping[str, str], /) -> list[str]:
    """Return a command's arguments, with a value added to flags given without one.

    typer itself would take the next argument as the value, or fail if there is none.

    Args:
        words: The arguments.
        meant: The flags that may be given without a value, each with the value it then
            gets: if it is the last argument, or another flag follows.
    """
    found = list(words)
    end = found.index("--") if "--" in found else len(found)
    for place, word in enumerate(found[:end]):
        is_bare = place + 1 == len(found) or found[place + 1].startswith("-")
        if word in meant and is_bare:
            found[place] = f"{word}={meant[word]}"
    return found


def flowing(text: str, /) -> str:
    """Return a text with each paragraph on one line, for the terminal to wrap.

    typer itself joins the lines of the first paragraph only.
    """
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _parameter(name: str, part: Part) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=part.default,
        annotation=Annotated[part.type, part.option],
    )
