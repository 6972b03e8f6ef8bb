"""The table of settings: what each means, and how its value is read.

Flags, config keys and environment variables are all made from it, so that none of them
can differ from the keywords in `propload.options`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, get_args

from propload.config.values import (
    read_anything,
    read_delimiter,
    read_dotted,
    read_encoding,
    read_format,
    read_hidden,
    read_mapping,
    read_moment,
    read_names,
    read_number,
    read_path,
    read_positive,
    read_positive_or_auto,
    read_reject_limit,
    read_resume,
    read_seconds,
    read_size,
    read_switch,
    read_text,
    read_words,
    write_size,
)
from propload.errors import ConfigError
from propload.options import JournalSync, ReplaySettings, RunOptions, SourceOptions
from propload.target import Mode, OnNewColumns, OnNull, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Where a recovery or replay takes a setting from. `run`: from the original run;
#: `caller`: from whoever starts it now; `machine`: from where it runs now, and reports
#: do not show it.
Owner = Literal["run", "caller", "machine"]
Panel = Literal["Target", "Rows", "Reading", "Speed and memory", "Safety", "Running"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: Its name as a keyword; the flag writes `-` for `_`.
        panel: The group that `--help` shows it in. The settings of `Reading` and
            `Rows` decide which rows there are: a run can be resumed only with equal
            ones.
        meaning: What it does, in one sentence.
        read: Returns the setting's value, given that of a keyword, flag, config key or
            environment variable, or raises `ConfigError`.
        metavar: The placeholder for the value in `--help`; empty for a switch.
        choices: The words allowed; empty if other values are.
    """

    name: str
    panel: Panel
    meaning: str
    read: Callable[[object], object]
    metavar: str = ""
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The flag of the command line: `--batch-rows`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable: `PROPLOAD_BATCH_ROWS`."""
        return "PROPLOAD_" + self.name.upper()

    @property
    def owner(self) -> Owner:
        """Where a recovery or replay takes it from, and whether reports show it."""
        return _OWNERS.get(self.name, "run")

    @property
    def default(self) -> str:
        """The default, as a user would write it; empty if there is none to show."""
        value = _DEFAULTS.get(self.name)
        if isinstance(value, int) and self.read is read_size:
            return write_size(value)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (str, int, float)):
            return f"{value:g}" if isinstance(value, float) else str(value)
        return ""


_DEFAULTS: dict[str, object] = {
    setting.name: setting.default
    for options in (RunOptions, SourceOptions, Target)
    for setting in fields(options)
}

_OWNERS: dict[str, Owner] = {
    **dict.fromkeys(("to", "state_dir", "progress", "resume"), "machine"),
    **dict.fromkeys(("max_memory", "lock", "lock_wait"), "caller"),
    # a limit that stopped a run must not stop every recovery of it
    **dict.fromkeys(("max_rejects", "retry_attempts", "retry_seconds"), "caller"),
}


def _choice(name: str, panel: Panel, meaning: str, words: tuple[str, ...]) -> Setting:
    def read(value: object) -> object:
        if value not in words:
            msg = f"{value!r} is not one of {', '.join(words)}"
            raise ConfigError(msg)
        return value

    return Setting(name, panel, meaning, read, "|".join(words), words)


#: All settings, in the order of `--help`.
_ALL = (
    Setting(
        "format",
        "Reading",
        "csv, tsv, ndjson, json, parquet, arrow or xlsx; detected by default.",
        read_format,
        "FORMAT",
    ),
    Setting(
        "delimiter",
        "Reading",
        "Character between fields; detected by default.",
        read_delimiter,
        "CHARACTER",
    ),
    Setting(
        "skip_lines", "Reading", "Lines to skip above the header.", read_number, "N"
    ),
    Setting(
        "header",
        "Reading",
        "Whether the first line names the columns; detected by default.",
        read_switch,
    ),
    Setting(
        "encoding",
        "Reading",
        "Encoding of the text, as Python names it; detected by default.",
        read_encoding,
        "NAME",
    ),
    Setting(
        "null_words",
        "Reading",
        "Words that mean null, besides the empty field.",
        read_words,
        "WORD,...",
    ),
    Setting(
        "sheet",
        "Reading",
        "Sheet of a workbook; the first one by default.",
        read_text,
        "NAME",
    ),
    Setting(
        "rows_at",
        "Reading",
        "Where the rows are in a JSON document, such as data.items.",
        read_dotted,
        "NAME.NAME",
    ),
    Setting(
        "to",
        "Target",
        "PostgreSQL connection string; the embedded database (`embedded`) by default.",
        read_hidden,
        "DSN",
    ),
    Setting(
        "table", "Target", "TABLE or NAMESPACE.TABLE to load into.", read_text, "TABLE"
    ),
    Setting("key", "Target", "Columns that identify a row.", read_names, "COLUMN,..."),
    Setting(
        "newest",
        "Target",
        "Column that orders the versions of a row; the newest one wins.",
        read_text,
        "COLUMN",
    ),
    _choice(
        "mode",
        "Target",
        "What to do with a row whose key is already stored.",
        get_args(Mode),
    ),
    _choice(
        "on_null",
        "Target",
        "Whether a null erases a stored value or keeps it.",
        get_args(OnNull),
    ),
    _choice(
        "on_new_columns",
        "Target",
        "What to do with columns that the table lacks.",
        get_args(OnNewColumns),
    ),
    Setting(
        "schema",
        "Rows",
        "Pandera schema of the rows: a registered name or MODULE:NAME.",
        read_anything,
        "SCHEMA",
    ),
    Setting(
        "mapping",
        "Rows",
        "Mapping of columns: a registered name, a TOML file or MODULE:NAME.",
        read_mapping,
        "MAPPING",
    ),
    Setting(
        "as_of",
        "Rows",
        "When the rows were valid, for files that do not say.",
        read_moment,
        "TIMESTAMP",
    ),
    Setting(
        "batch_rows",
        "Speed and memory",
        "Most rows to prepare at once, up to 16 MB of them.",
        read_positive_or_auto,
        "N|auto",
    ),
    Setting(
        "batch_seconds",
        "Speed and memory",
        "Longest time a row waits for its batch to fill.",
        read_seconds,
        "SECONDS",
    ),
    Setting(
        "workers",
        "Speed and memory",
        "Number of connections that write at the same time.",
        read_positive_or_auto,
        "N|auto",
    ),
    Setting(
        "max_memory",
        "Speed and memory",
        "Memory limit of the process.",
        read_size,
        "SIZE",
    ),
    Setting(
        "max_rejects",
        "Safety",
        "Number or share of rows that may be rejected; more stop the run. No limit by "
        "default.",
        read_reject_limit,
        "N|P%",
    ),
    Setting(
        "retry_attempts",
        "Safety",
        "Maximum number of tries for one transaction.",
        read_positive,
        "N",
    ),
    Setting(
        "retry_seconds",
        "Safety",
        "Longest time to keep trying one transaction.",
        read_seconds,
        "SECONDS",
    ),
    _choice(
        "journal_sync",
        "Safety",
        "How often journaled rows are flushed to disk.",
        get_args(JournalSync),
    ),
    Setting(
        "journal_bytes",
        "Safety",
        "Size of the journal at which producers wait.",
        read_size,
        "SIZE",
    ),
    Setting(
        "lock",
        "Safety",
        "Take the table's lock; only one run that takes it loads at a time.",
        read_switch,
    ),
    Setting(
        "lock_wait",
        "Safety",
        "Longest time to wait for that lock.",
        read_seconds,
        "SECONDS",
    ),
    Setting(
        "resume",
        "Safety",
        "Run to continue; true (or --resume alone) means the last unfinished one.",
        read_resume,
        "RUN|true",
    ),
    Setting(
        "state_dir",
        "Running",
        "Folder of rejects, journals, reports and the embedded database.",
        read_path,
        "FOLDER",
    ),
    Setting(
        "progress",
        "Running",
        "Whether to show live progress on a terminal.",
        read_switch,
    ),
)

#: Every setting by name.
SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in _ALL}

#: The settings that apply to loading rows that a run left on disk, which are neither
#: read from a source nor journaled again.
RELOADING = tuple(name for name in SETTINGS if name in ReplaySettings.__annotations__)
