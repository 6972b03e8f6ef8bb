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


def option(
    value_type: object, *flags: str, default: object = None, **options: Any
) -> Part:
    """Return a flag that takes a value; keywords are passed on to `typer.Option`."""
    return Part(value_type, typer.Option(*flags, **options), default)


def argument(
    value_type: object, name: str, meaning: str, default: object = None
) -> Part:
    """Return a positional argument."""
    declared = typer.Argument(metavar=name, help=meaning, show_default=False)
    return Part(value_type, declared, default)


def switch(flag: str, meaning: str, *short: str, panel: str | None = None) -> Part:
    """Return a flag without a value: True if it is given, otherwise False."""
    options = {"help": meaning, "show_default": False, "rich_help_panel": panel}
    return option(bool, flag, *short, default=False, **options)


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
ParameterSpec: TypeAlias = Part | Group


def expand(
    command: Callable[..., None], specs: Mapping[str, ParameterSpec]
) -> Callable[..., None]:
    """Return the command with a signature for typer: a parameter for each part.

    Args:
        command: Called with one value for each name in `specs`.
        specs: The parts and groups, by parameter name of the command.
    """

    def wrapper(**values: object) -> None:
        for name, spec in specs.items():
            if isinstance(spec, Group):
                group_values = {part: values.pop(part) for part in spec.parts}
                values[name] = spec.gather(group_values)
        command(**values)

    parts: dict[str, Part] = {}
    for name, spec in specs.items():
        parts.update(spec.parts if isinstance(spec, Group) else {name: spec})
    wrapper.__doc__ = unwrap_paragraphs(inspect.getdoc(command) or "")
    wrapper.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # for typer
        [_parameter(name, part) for name, part in parts.items()]
    )
    return wrapper


def with_implied_values(
    args: Sequence[str], implied: Mapping[str, str], /
) -> list[str]:
    """Return a command's arguments, with a value added to flags given without one.

    typer itself would take the next argument as the value, or fail if there is none.

    Args:
        args: The arguments.
        implied: The flags that may be given without a value, each with the value it
            then gets: if it is the last argument, or another flag follows.
    """
    completed = list(args)
    end = completed.index("--") if "--" in completed else len(completed)
    for index, arg in enumerate(completed[:end]):
        is_bare = index + 1 == len(args) or args[index + 1].startswith("-")
        if arg in implied and is_bare:
            completed[index] = f"{arg}={implied[arg]}"
    return completed


def unwrap_paragraphs(text: str, /) -> str:
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
