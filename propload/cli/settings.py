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

SettingsType = TypeVar("SettingsType")


def settings_group(
    names: Iterable[str] = tuple(SETTINGS),
    /,
    *,
    of_run: bool = False,
    **meanings: str,
) -> Group:
    """Return a group of flags that gathers the settings that are given.

    Args:
        names: The settings.
        of_run: Whether those that an earlier run had apply where none are given: help
            then shows no default for them.
        meanings: Help for settings that mean something else here than in a load.
    """
    settings = {name: SETTINGS[name] for name in names}
    for name, meaning in meanings.items():
        settings[name] = replace(settings[name], meaning=meaning)
    return Group(
        {
            name: _setting_flag(
                setting, has_default=not (of_run and setting.owner == "run")
            )
            for name, setting in settings.items()
        },
        _gather_settings,
    )


def select_settings(
    settings: Settings, settings_type: type[SettingsType]
) -> SettingsType:
    """Return the settings that the given `TypedDict` has, as an instance of it."""
    names = settings_type.__annotations__
    return cast(
        "SettingsType",
        {name: value for name, value in settings.items() if name in names},
    )


def _gather_settings(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _setting_flag(setting: Setting, *, has_default: bool) -> Part:
    options: dict[str, Any] = {
        "help": setting.meaning + (_default(setting) if has_default else ""),
        "rich_help_panel": setting.panel,
        # the flag's own default is None; the setting's applies if nothing else sets it
        "show_default": False,
    }
    if not setting.metavar:
        flags = f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"
        return option(bool | None, flags, **options)
    if setting.choices:
        # with typer's own choices, the message for a wrong one would be click's
        options["autocompletion"] = lambda: setting.choices
        options["callback"] = _choice_callback(setting)
    return option(str | None, setting.flag, metavar=setting.metavar, **options)


def _choice_callback(setting: Setting) -> Callable[[str | None], str | None]:
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
