"""A run's settings as reports show them, and those that a later run must repeat."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from propload import config
from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from propload.report import Plain
    from propload.running.planning import Plan
    from propload.target import Target


def plain_settings(plan: Plan, target: Target) -> dict[str, Plain]:
    """Return the settings of a run as plain values, without secrets.

    Settings given as Python objects are shown by the name of their type; `objects`
    lists which they are.
    """
    hidden = {
        setting.name
        for setting in config.SETTINGS.values()
        if setting.owner == "machine"
    }
    settings = {
        name: value for name, value in plan.settings.items() if name not in hidden
    }
    objects: list[Plain] = [n for n, value in settings.items() if not is_plain(value)]
    shown: dict[str, Plain] = {
        name: _to_plain(value) for name, value in settings.items()
    }
    return {
        **shown,
        **({"objects": objects} if objects else {}),
        "key": list(target.key),
        "newest": target.newest,
        "mode": target.mode,
        "on_null": target.on_null,
        "on_new_columns": target.on_new_columns,
        "batch_rows": plan.batch_rows,
        "workers": plan.workers,
    }


def is_plain(value: object) -> bool:
    """Return whether a setting can be kept as text: it contains no Python object."""
    if isinstance(value, (list, tuple)):
        return all(is_plain(one) for one in value)
    if isinstance(value, dict):
        return all(is_plain(one) for one in value.values())
    return value is None or isinstance(value, (bool, int, float, str, datetime, Path))


def object_names(listed: Plain) -> list[str]:
    """Return the names that `plain_settings` listed as `objects`."""
    return [str(name) for name in listed] if isinstance(listed, list) else []


def require_objects(
    names: Iterable[str], current: Collection[str], /, *, run_id: str, function: str
) -> None:
    """Raise unless a run that is continued is given its Python objects again.

    Args:
        names: The settings that the run was given as Python objects.
        current: The settings that are given now.
        run_id: The run.
        function: The function of `propload` that accepts them.

    Raises:
        ConfigError: One is missing.
    """
    for name in names:
        if name not in current:
            msg = (
                f"run {run_id} was given its {name} as a Python object: call "
                f"propload.{function}({run_id!r}, {name}=...) with it"
            )
            raise ConfigError(msg)


def _to_plain(value: object) -> Plain:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_to_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _to_plain(one) for name, one in value.items()}
    if isinstance(value, (datetime, Path)):
        return str(value)
    # a model of pandera is a class, whose own class says nothing
    return value.__name__ if isinstance(value, type) else type(value).__name__
