"""What holds for a run: its settings, resolved, and what of them may be shown."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from propload import config
from propload.errors import ConfigError
from propload.forking import refuse_forked
from propload.options import (
    BATCH_ROWS,
    WORKERS,
    Places,
    RejectLimit,
    RunOptions,
    SourceOptions,
)
from propload.sigint import leave_to_python
from propload.state_folder import see_state_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from propload.commands import Commands
    from propload.options import Settings
    from propload.report import Plain
    from propload.target import Target


def new_run_id() -> str:
    """Return a name for a run that sorts by time and collides with no other.

    Runs of one second are in order too: which one is the newest decides what is
    resumed, replayed and recovered.
    """
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{secrets.token_hex(2)[:3]}"


def moment_of(run_id: str, /) -> datetime | None:
    """Return when a run first began, by its name; None where that tells none."""
    second, _, rest = run_id.partition("-")
    try:
        began = datetime.strptime(second, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return began.replace(microsecond=int(rest[:5], 16))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """What holds for a run.

    Attributes:
        settings: As `config.resolve` returns them.
        options: Those of them that say how the run works.
        places: Where files are kept.
        replayed: The run whose rejected rows are loaded, or empty where others are.
    """

    settings: Settings
    options: RunOptions
    places: Places
    replayed: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Plan:
        """Return the plan of resolved settings.

        Raises:
            ConfigError: A value is out of range, or this process is a fork that
                cannot load.
        """
        refuse_forked()
        leave_to_python()
        given = _named(settings, RunOptions.__slots__)
        given["max_rejects"] = RejectLimit.parse(settings.get("max_rejects"))
        places = Places(Path(settings["state_dir"]))
        return cls(settings, RunOptions(**given), places)

    def readable_places(self) -> Places:
        """Return where files of earlier runs are kept, which this user can read.

        Raises:
            ConfigError: The state folder is another user's.
        """
        see_state_folder(self.places.state_dir)
        return self.places

    @property
    def commands(self) -> Commands:
        """How commands are written that find what the run leaves."""
        return config.commands_for(self.places.state_dir)

    def with_defaults(self, defaults: Settings) -> Plan:
        """Return the plan with settings that hold where the user set none."""
        return replace(self, settings={**defaults, **self.settings})

    @property
    def workers(self) -> int:
        """How many lanes write."""
        workers = self.options.workers
        return WORKERS if workers == "auto" else workers

    @property
    def batch_rows(self) -> int:
        """Most rows joined at once."""
        rows = self.options.batch_rows
        return BATCH_ROWS if rows == "auto" else rows


def settings_shown(plan: Plan, target: Target) -> dict[str, Plain]:
    """Return what was told and chosen for a run, without secrets, as plain values.

    Those given as Python objects are shown by name, and listed as `objects`.
    """
    hidden = {one.name for one in config.SETTINGS.values() if one.owner == "machine"}
    told = {name: one for name, one in plan.settings.items() if name not in hidden}
    objects: list[Plain] = [n for n, value in told.items() if not is_plain(value)]
    shown: dict[str, Plain] = {name: _plain(value) for name, value in told.items()}
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
    """Return whether a setting can be kept as text: no object of Python is in it."""
    if isinstance(value, (list, tuple)):
        return all(is_plain(one) for one in value)
    if isinstance(value, dict):
        return all(is_plain(one) for one in value.values())
    return value is None or isinstance(value, (bool, int, float, str, datetime, Path))


def object_names(told: Plain) -> list[str]:
    """Return what `settings_shown` lists as `objects`, read back."""
    return [str(name) for name in told] if isinstance(told, list) else []


def require_objects(
    names: Iterable[str], given: Collection[str], /, *, run_id: str, function: str
) -> None:
    """Refuse to go on with a run without the objects that it was given.

    Args:
        names: The settings that a run was given as Python objects.
        given: The settings that are given now.
        run_id: The run.
        function: Of `propload`, the function that takes them.

    Raises:
        ConfigError: One is missing.
    """
    for name in names:
        if name not in given:
            msg = (
                f"run {run_id} was given its {name} as a Python object: call "
                f"propload.{function}({run_id!r}, {name}=...) with it"
            )
            raise ConfigError(msg)


def nothing_to_replace(source: str, target: Target, /) -> str:
    """Return what is said of a replace whose source has no row that can be loaded."""
    return (
        f"no row of {source} could be loaded, so there is nothing to replace "
        f"{target.table} with"
    )


def _plain(value: object) -> Plain:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return str(value) if isinstance(value, (datetime, Path)) else type(value).__name__


def source_options(
    settings: Settings, given: Settings, *, job: str | None = None
) -> SourceOptions:
    """Return how input is read.

    Args:
        settings: All settings, resolved.
        given: The keywords or flags among them.
        job: The job of the configuration file, or None.
    """
    chosen = _named(settings, SourceOptions.__slots__)
    told = config.told(given, job=job).intersection(chosen)
    return SourceOptions(told=told, **chosen)


def _named(settings: Settings, names: Collection[str]) -> dict[str, Any]:
    """Return the settings of these names that are set: each is of its field's type."""
    return {name: value for name, value in settings.items() if name in names}
