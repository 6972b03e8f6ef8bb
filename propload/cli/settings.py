"""The flags of settings, made from the table of settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import typer

from propload.cli.flags import Group, Part, option
from propload.config.settings import SETTINGS, Setting
from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from propload.options import Settings

Kind = TypeVar("Kind")


def settings_group(names: Iterable[str] = tuple(SETTINGS), /, **meanings: str) -> Group:
    """Return a group of flags that gathers the settings that are given.

    Args:
        names: The settings.
        meanings: Help for settings that mean something else here than in a load.
    """
    shown = {name: SETTINGS[name] for name in names}
    for name, meaning in meanings.items():
        shown[name] = replace(shown[name], meaning=meaning)
    return Group({name: _setting_flag(one) for name, one in shown.items()}, _given)


def only(given: Settings, kind: type[Kind]) -> Kind:
    """Return the settings that the given `TypedDict` has, as an instance of it."""
    names = kind.__annotations__
    return cast("Kind", {name: told for name, told in given.items() if name in names})


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _setting_flag(setting: Setting) -> Part:
    shown: dict[str, Any] = {
        "help": setting.meaning + _default(setting),
        "rich_help_panel": setting.panel,
        # the flag's own default is None; the setting's applies if nothing else sets it
        "show_default": False,
    }
    if not setting.metavar:
        both = f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"
        return option(bool | None, both, **shown)
    if setting.choices:
        # with typer's own choices, the message for a wrong one would be click's
        shown["autocompletion"] = lambda: setting.choices
        shown["callback"] = _refusing(setting)
    return option(str | None, setting.flag, metavar=setting.metavar, **shown)


def _refusing(setting: Setting) -> Callable[[str | None], str | None]:
    """Return the callback that refuses a value that the setting does not allow."""

    def read(word: str | None) -> str | None:
        try:
            return word if word is None else str(setting.read(word))
        except ConfigError as error:
            raise typer.BadParameter(str(error)) from error

    return read


def _default(setting: Setting) -> str:
    default = setting.default
    if default and not setting.metavar:
        name = setting.flag.removeprefix("--")
        default = name if default == "true" else f"no-{name}"
    return f" [dim]\\[default: {default}][/dim]" if default else ""
