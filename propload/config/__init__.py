"""Where a run's settings come from, and which source takes precedence.

In order of precedence: a keyword or flag, the environment (`PROPLOAD_*`), the job
(`[jobs.NAME]`), the top level of the configuration file, the default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from propload.config.files import ConfigFile, check_names, load_config
from propload.config.finding import commands_for, default_state_dir
from propload.config.settings import RELOADING, SETTINGS, Setting
from propload.errors import ConfigError
from propload.messages.suggestions import SLIP, suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from propload.options import Settings

__all__ = [
    "RELOADING",
    "SETTINGS",
    "ConfigFile",
    "Setting",
    "commands_for",
    "job_source",
    "job_table",
    "load_config",
    "refuse_others",
    "resolve",
    "run_specific_settings",
]

_PREFIX = "PROPLOAD_"
#: Precedes the name of a variable in messages.
_VARIABLE = "environment variable "
#: The value of `to` that means the embedded database.
EMBEDDED = "embedded"


def resolve(settings: Settings, *, job: str | None = None) -> Settings:
    """Return the settings that apply, each as the type that the run uses.

    Names in a key or in null words become a tuple, sizes become bytes, `as_of` a
    datetime with a time zone, and the name of a mapping its table if the configuration
    file has one. `state_dir` is always present; other settings that are set nowhere
    are left out.

    Args:
        settings: Keywords or flags; None is the same as not given.
        job: The job of the configuration file, or None.

    Raises:
        ConfigError: A name is unknown, or a value cannot be used.
    """
    file = load_config()
    check_names(settings, SETTINGS, place="settings")
    _check_variables(os.environ)
    job_values = file.job(job) if job is not None else {}
    layers = (
        ("", _settings_only(settings)),
        (_VARIABLE, _environment()),
        (f"{file.path} [jobs.{job}] ", _settings_only(job_values)),
        (f"{file.path} ", file.top),
    )
    merged: dict[str, object] = {}
    for place, values in layers:
        for name in values:
            if name not in merged:
                merged[name] = _read(SETTINGS[name], values[name], place)
    if isinstance(mapping := merged.get("mapping"), str):
        merged["mapping"] = file.mappings.get(mapping, mapping)
    if merged.get("to") == EMBEDDED:
        # only now: it had to override a `to` of lower precedence
        merged["to"] = None
    if "state_dir" not in merged:
        merged["state_dir"] = default_state_dir()
    kept = {name: value for name, value in merged.items() if value is not None}
    return cast("Settings", kept)


def state_dir_of(settings: Settings, /) -> Path:
    """Return the state folder of settings that `resolve` has returned."""
    return Path(settings.get("state_dir") or default_state_dir())


def refuse_others(
    settings: Mapping[str, object], used: Collection[str], /, *, function: str
) -> None:
    """Refuse settings that a function does not use: they would have no effect.

    Args:
        settings: Keywords or flags; None is the same as not given.
        used: The settings that the function uses.
        function: The name of the function of `propload` that was called.

    Raises:
        ConfigError: Other settings are given.
    """
    unused = [name for name in _settings_only(settings) if name not in used]
    if unused:
        verb, them = ("does", "it") if len(unused) == 1 else ("do", "them")
        msg = f"{', '.join(unused)} {verb} not apply to {function}: leave {them} out"
        raise ConfigError(msg)


def run_specific_settings(
    settings: Mapping[str, object], *, job: str | None = None
) -> frozenset[str]:
    """Return the names of the settings that were given for this run alone.

    These are keywords or flags and the settings of the job. Environment variables and
    the top level of the configuration file apply to every run.

    Args:
        settings: Keywords or flags; None is the same as not given.
        job: The job of the configuration file, or None.

    Raises:
        ConfigError: There is no such job.
    """
    job_values = load_config().job(job) if job is not None else {}
    return frozenset([*_settings_only(settings), *_settings_only(job_values)])


def job_source(job: str, /) -> tuple[str, ...]:
    """Return the sources of a job; relative paths start at the file's folder.

    Raises:
        ConfigError: There is no such job, or it names no source.
    """
    file = load_config()
    source = file.job(job).get("source")
    sources = [source] if isinstance(source, str) else source
    if (
        not isinstance(sources, list)
        or not sources
        or not all(isinstance(item, str) for item in sources)
    ):
        msg = (
            f"job {job!r} in {file.path} names no source: "
            'add source = "FILE" to it, or give one with the command'
        )
        raise ConfigError(msg)
    return tuple(sources)


def job_table(job: str, name: str, /) -> Mapping[str, object]:
    """Return the table `argument` or `set` of a job; empty if it has none.

    Raises:
        ConfigError: There is no such job, or the value is not a table.
    """
    table = load_config().job(job).get(name, {})
    if not isinstance(table, dict):
        msg = f"job {job!r}: {name} is not a table: write {name} = {{NAME = VALUE}}"
        raise ConfigError(msg)
    return table


def _settings_only(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value
        for name, value in values.items()
        if name in SETTINGS and value is not None
    }


def _check_variables(names: Mapping[str, str]) -> None:
    known_names = [
        setting.variable.removeprefix(_PREFIX) for setting in SETTINGS.values()
    ]
    variable_names = (n.removeprefix(_PREFIX) for n in names if n.startswith(_PREFIX))
    for name in variable_names:
        if name in known_names:
            continue
        # a name that resembles none of ours belongs to another program
        hint = suggest(name, known_names, cutoff=SLIP, prefix=_PREFIX)
        if hint:
            msg = f"{_VARIABLE}{_PREFIX}{name} is unknown{hint}"
            raise ConfigError(msg)


def _environment() -> dict[str, object]:
    texts = (
        (name, os.environ.get(setting.variable)) for name, setting in SETTINGS.items()
    )
    return {name: text for name, text in texts if text}


def _read(setting: Setting, value: object, place: str) -> object:
    """Return the value of a setting; an error says where it was set."""
    try:
        return setting.read(value)
    except ConfigError as error:
        name = setting.variable if place == _VARIABLE else setting.name
        msg = f"{place}{name}: {error}"
        raise ConfigError(msg) from error
