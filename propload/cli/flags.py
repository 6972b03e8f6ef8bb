"""The flags of a command, made from values instead of its signature.

So a table of settings becomes flags without repeating it, and a command's module
needs no import that only typer would read.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from propload.config.settings import SETTINGS, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


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
    expanded.__doc__ = inspect.getdoc(command)
    expanded.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # for typer
        [_parameter(name, part) for name, part in parts.items()]
    )
    return expanded


def settings_group(names: Iterable[str] = tuple(SETTINGS)) -> Group:
    """Return the flags of settings, gathered to `Settings` without those not given."""
    return Group({name: _setting_flag(SETTINGS[name]) for name in names}, _given)


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _parameter(name: str, part: Part) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=part.default,
        annotation=Annotated[part.type, part.option],
    )


def _setting_flag(setting: Setting) -> Part:
    shown: dict[str, Any] = {
        "help": setting.meaning + _default(setting),
        "rich_help_panel": setting.panel,
        # None is the flag's own default: the setting's holds where nobody sets it
        "show_default": False,
    }
    if not setting.metavar:
        both = f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"
        return Part(bool | None, typer.Option(both, **shown))
    if setting.choices:
        # a Literal of words that are known only while running
        words: Any = Literal.__getitem__(setting.choices)
        return Part(words | None, typer.Option(setting.flag, **shown))
    return Part(
        str | None, typer.Option(setting.flag, metavar=setting.metavar, **shown)
    )


def _default(setting: Setting) -> str:
    return f" [dim]\\[default: {setting.default}][/dim]" if setting.default else ""
