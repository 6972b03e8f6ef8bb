"""The flags of a command, made from values instead of its signature.

So a table of settings becomes flags without repeating it (`propload.cli.settings`),
and a command's module needs no import that only typer would read.
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
        type: What typer reads it as.
        option: What `typer.Option` or `typer.Argument` returned.
        default: Its value where it is not given.
    """

    type: object
    option: Any  # typer's functions return Any
    default: object = None


def option(kind: object, *flags: str, default: object = None, **shown: Any) -> Part:
    """Return a flag with a value; its words and its looks are those of typer."""
    return Part(kind, typer.Option(*flags, **shown), default)


def argument(kind: object, name: str, meaning: str, default: object = None) -> Part:
    """Return what stands without a flag."""
    shown = typer.Argument(metavar=name, help=meaning, show_default=False)
    return Part(kind, shown, default)


def switch(flag: str, meaning: str, *short: str, panel: str | None = None) -> Part:
    """Return a flag without a value: what it means is so where it is given."""
    shown = {"help": meaning, "show_default": False, "rich_help_panel": panel}
    return option(bool, flag, *short, default=False, **shown)


@dataclass(frozen=True, slots=True)
class Group:
    """Flags that together become one argument of a command.

    Attributes:
        parts: The flags by name.
        gather: Makes the argument from their values by name.
    """

    parts: Mapping[str, Part]
    gather: Callable[[Mapping[str, object]], object]


#: What a command says of one of its arguments.
Shown: TypeAlias = Part | Group


def expand(
    command: Callable[..., None], shown: Mapping[str, Shown]
) -> Callable[..., None]:
    """Return the command as typer can read it, with a flag for each part.

    Args:
        command: Called with one value for each name in `shown`.
        shown: The parts and groups by the name of the argument.
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
    """Return a command's words, with the value of flags that may stand without one.

    typer itself takes the next word for the value, whatever that is, or refuses.

    Args:
        words: The words.
        meant: What each such flag means where another flag follows, or nothing.
    """
    found = list(words)
    end = found.index("--") if "--" in found else len(found)
    for place, word in enumerate(found[:end]):
        is_bare = place + 1 == len(found) or found[place + 1].startswith("-")
        if word in meant and is_bare:
            found[place] = f"{word}={meant[word]}"
    return found


def flowing(text: str, /) -> str:
    """Return a text whose paragraphs are a line each, for the terminal to break.

    typer keeps the breaks of all paragraphs but the first.
    """
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _parameter(name: str, part: Part) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=part.default,
        annotation=Annotated[part.type, part.option],
    )
