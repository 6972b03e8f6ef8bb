"""What holds for a run: its settings, resolved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from propload import config
from propload.options import (
    BATCH_ROWS,
    WORKERS,
    Places,
    RejectLimit,
    RunOptions,
    SourceOptions,
)
from propload.process.forking import refuse_forked
from propload.process.sigint import leave_to_python
from propload.state.state_folder import check_state_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from propload.messages.suggested_commands import Commands
    from propload.options import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """What holds for a run.

    Attributes:
        settings: As `config.resolve` returns them.
        options: Those of them that say how the run works.
        places: Where files are kept.
        told: The names of the settings that were said of this load, by keyword, flag or
            job, not of whatever runs.
        replayed: The run whose rejected rows are loaded, or empty where others are.
    """

    # the connection string is among them, and tools that log variables show objects
    settings: Settings = field(repr=False)
    options: RunOptions
    places: Places
    told: frozenset[str] = frozenset()
    replayed: str = ""

    @classmethod
    def of(cls, given: Settings, /, *, job: str | None = None) -> Plan:
        """Return the plan of settings that were given, with those that hold besides.

        Raises:
            ConfigError: One cannot be used, or this process is a fork that cannot load.
        """
        settings = config.resolve(given, job=job)
        refuse_forked()
        leave_to_python()
        options = _named(settings, RunOptions.__slots__)
        options["max_rejects"] = RejectLimit.parse(settings.get("max_rejects"))
        places = Places(_fixed(Path(settings["state_dir"])))
        told = config.told(given, job=job)
        return cls(settings, RunOptions(**options), places, told)

    @classmethod
    def of_few(
        cls, given: Mapping[str, object], kind: type, /, *, function: str
    ) -> Plan:
        """Return the plan of a function that has a use for few settings.

        Args:
            given: The settings.
            kind: The type of those that it takes.
            function: Its name.

        Raises:
            ConfigError: Others are given; or as of `of`.
        """
        used = kind.__annotations__
        config.refuse_others(given, used, function=f"propload.{function}")
        return cls.of(cast("Settings", given))

    def readable_places(self) -> Places:
        """Return where files of earlier runs are kept, which this user can read.

        Raises:
            ConfigError: The state folder is another user's.
        """
        check_state_folder(self.places.state_dir)
        return self.places

    @property
    def commands(self) -> Commands:
        """How commands are written that find what the run leaves."""
        return config.commands_for(self.places.state_dir)

    def with_defaults(self, defaults: Settings) -> Plan:
        """Return the plan with settings that hold where the user set none."""
        return replace(self, settings={**defaults, **self.settings})

    def with_sizes(self, **sizes: int) -> Plan:
        """Return the plan with other `workers` or `batch_rows`."""
        # mypy does not look whether fields of another type are among them
        options = replace(self.options, **sizes)  # type: ignore[arg-type]
        return replace(self, options=options)

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


def source_options(plan: Plan, /) -> SourceOptions:
    """Return how input is read."""
    chosen = _named(plan.settings, SourceOptions.__slots__)
    return SourceOptions(told=plan.told.intersection(chosen), **chosen)


def _fixed(path: Path) -> Path:
    """Return a path that stays the same whatever folder the program goes to."""
    try:
        return path.absolute()
    except OSError:
        # the current folder was deleted
        return path


def _named(settings: Settings, names: Collection[str]) -> dict[str, Any]:
    """Return the settings of these names that are set: each is of its field's type."""
    return {name: value for name, value in settings.items() if name in names}
