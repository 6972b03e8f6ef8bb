"""The plan of a run: its settings, resolved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
from propload.process.threads import refuse_replaced_threads
from propload.state.state_folder import check_state_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from propload.messages.suggested_commands import Commands
    from propload.options import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    Attributes:
        settings: As `config.resolve` returns them.
        options: Those of them that say how the run works.
        places: Where files are kept.
        explicit_settings: The names of the settings given for this load in particular
            (by keyword, flag or job), not for every run.
        replayed: The run whose rejected rows are loaded; empty in any other load.
    """

    # not in the repr, which logging tools may show: one is the connection string
    settings: Settings = field(repr=False)
    options: RunOptions
    places: Places
    explicit_settings: frozenset[str] = frozenset()
    replayed: str = ""

    @classmethod
    def of(cls, overrides: Settings, /, *, job: str | None = None) -> Plan:
        """Return the plan for these settings and those from environment and file.

        Raises:
            ConfigError: One cannot be used, or this process cannot load: it is a fork,
                or its threads are not real ones.
        """
        settings = config.resolve(overrides, job=job)
        refuse_replaced_threads()
        refuse_forked()
        leave_to_python()
        options = _select_settings(settings, RunOptions.__slots__)
        options["max_rejects"] = RejectLimit.parse(settings.get("max_rejects"))
        places = Places(_absolute(config.state_dir_of(settings)))
        explicit_settings = config.run_specific_settings(overrides, job=job)
        return cls(settings, RunOptions(**options), places, explicit_settings)

    @classmethod
    def of_few(
        cls, overrides: Mapping[str, object], settings_type: type, /, *, function: str
    ) -> Plan:
        """Return the plan of a function that accepts only some settings.

        Args:
            overrides: The settings.
            settings_type: The TypedDict of those that it accepts.
            function: Its name.

        Raises:
            ConfigError: Another setting is given; or as in `of`.
        """
        accepted = settings_type.__annotations__
        config.refuse_others(overrides, accepted, function=f"propload.{function}")
        return cls.of(cast("Settings", overrides))

    def readable_places(self) -> Places:
        """Return where files of earlier runs are, after checking that they can be read.

        Raises:
            ConfigError: The state folder belongs to another user.
        """
        check_state_folder(self.places.state_dir)
        return self.places

    @property
    def commands(self) -> Commands:
        """Words commands that find the files this run leaves."""
        return config.commands_for(self.places.state_dir)

    def with_defaults(self, defaults: Settings) -> Plan:
        """Return the plan with defaults for settings that the user did not set."""
        return replace(self, settings={**defaults, **self.settings})

    def with_sizes(self, **sizes: int) -> Plan:
        """Return the plan with other `workers` or `batch_rows`."""
        # mypy takes it that the keywords may name fields of other types
        options = replace(self.options, **sizes)  # type: ignore[arg-type]
        return replace(self, options=options)

    @property
    def shows_progress(self) -> bool:
        """Whether live progress is wanted."""
        return self.settings.get("progress") is not False

    @property
    def workers(self) -> int:
        """How many lanes write."""
        workers = self.options.workers
        return WORKERS if workers == "auto" else workers

    @property
    def batch_rows(self) -> int:
        """The most rows joined into one batch."""
        rows = self.options.batch_rows
        return BATCH_ROWS if rows == "auto" else rows


def source_options(plan: Plan, /) -> SourceOptions:
    """Return the options for reading input."""
    chosen = _select_settings(plan.settings, SourceOptions.__slots__)
    return SourceOptions(explicit=plan.explicit_settings.intersection(chosen), **chosen)


def _absolute(path: Path) -> Path:
    """Return an absolute path, which stays valid if the working directory changes."""
    try:
        return path.absolute()
    except OSError:
        # the working directory was deleted
        return path


def _select_settings(settings: Settings, names: Collection[str]) -> dict[str, Any]:
    """Return the settings with these names that are set; each has its field's type."""
    return {name: value for name, value in settings.items() if name in names}
