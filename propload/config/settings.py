"""The table of settings: what each means, and how its value is read.

It is the one place from which flags, config keys and environment variables are
made, so that none of them can differ from the keywords in `propload.options`.
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
from propload.options import JournalSync, RunOptions, SourceOptions
from propload.target import Mode, OnNewColumns, OnNull, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: `run`: it belongs to what the run does, wherever it is done; `caller`: to whoever has
#: it done now; `machine`: to where it is done, which reports do not tell.
Owner = Literal["run", "caller", "machine"]
Panel = Literal["Target", "Rows", "Reading", "Speed and memory", "Safety", "Running"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: Its name as a keyword; the flag writes `-` for `_`.
        panel: The group that `--help` shows it in. Those of `Reading` and `Rows`
            decide what rows there are: a run goes on only by the same ones.
        meaning: What it does, in one sentence.
        read: Makes the setting's value from a keyword, flag, config or
            environment value, or raises `ConfigError`.
        metavar: What `--help` shows for the value; empty for a switch.
        choices: The words allowed; empty where any value is.
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
        """Whose it is, where a run is recovered, replayed or shown."""
        return _OWNERS.get(self.name, "run")

    @property
    def default(self) -> str:
        """What holds where nobody sets it, as a reader would write it, or empty."""
        value = _DEFAULTS.get(self.name)
        if isinstance(value, int) and self.read is read_size:
            return write_size(value)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (str, int, float)):
            return f"{value:g}" if isinstance(value, float) else str(value)
        return ""


def _defaults(options: Iterable[type]) -> dict[str, object]:
    return {f.name: f.default for one in options for f in fields(one)}


_DEFAULTS = _defaults((RunOptions, SourceOptions, Target))

_OWNERS: dict[str, Owner] = {
    **dict.fromkeys(("to", "state_dir", "progress", "resume"), "machine"),
    **dict.fromkeys(("max_memory", "lock", "lock_wait"), "caller"),
    # what stopped a run must not stop its recovery for ever
    **dict.fromkeys(("max_rejects", "retry_attempts", "retry_seconds"), "caller"),
}


def _choice(name: str, panel: Panel, meaning: str, words: tuple[str, ...]) -> Setting:
    def read(value: object) -> object:
        if value not in words:
            msg = f"{value!r} is not one of {', '.join(words)}"
            raise ConfigError(msg)
        return value

    return Setting(name, panel, meaning, read, "|".join(words), words)


def _listed() -> Iterable[Setting]:
    yield from _reading()
    yield from _target()
    yield from _rows()
    yield from _speed()
    yield from _safety()
    yield from _running()


def _target() -> Iterable[Setting]:
    panel: Panel = "Target"
    yield Setting(
        "to",
        panel,
        "PostgreSQL connection string; the embedded database (`embedded`) by default.",
        read_text,
        "DSN",
    )
    yield Setting(
        "table", panel, "TABLE or NAMESPACE.TABLE to load into.", read_text, "TABLE"
    )
    yield Setting(
        "key", panel, "Columns that identify a row.", read_names, "COLUMN,..."
    )
    yield Setting(
        "newest",
        panel,
        "Column that orders the versions of a row; the newest one wins.",
        read_text,
        "COLUMN",
    )
    yield _choice(
        "mode",
        panel,
        "What to do with a row whose key is already stored.",
        get_args(Mode),
    )
    yield _choice(
        "on_null",
        panel,
        "Whether a null erases a stored value or keeps it.",
        get_args(OnNull),
    )
    yield _choice(
        "on_new_columns",
        panel,
        "What to do with columns that the table lacks.",
        get_args(OnNewColumns),
    )


def _rows() -> Iterable[Setting]:
    panel: Panel = "Rows"
    yield Setting(
        "schema",
        panel,
        "Pandera schema of the rows: a registered name or MODULE:NAME.",
        read_anything,
        "SCHEMA",
    )
    yield Setting(
        "mapping",
        panel,
        "Mapping of columns: a registered name, a TOML file or MODULE:NAME.",
        read_mapping,
        "MAPPING",
    )
    yield Setting(
        "as_of",
        panel,
        "When the rows were valid, for files that do not say.",
        read_moment,
        "TIMESTAMP",
    )


def _reading() -> Iterable[Setting]:
    panel: Panel = "Reading"
    yield Setting(
        "format",
        panel,
        "csv, tsv, ndjson, json, parquet, arrow or xlsx; detected by default.",
        read_format,
        "FORMAT",
    )
    yield Setting(
        "delimiter",
        panel,
        "Character between fields; detected by default.",
        read_delimiter,
        "CHARACTER",
    )
    yield Setting(
        "skip_lines",
        panel,
        "Lines to skip above the header.",
        read_number,
        "N",
    )
    yield Setting(
        "header",
        panel,
        "Whether the first line names the columns; detected by default.",
        read_switch,
    )
    yield Setting(
        "encoding",
        panel,
        "Encoding of the text, as Python names it; detected by default.",
        read_encoding,
        "NAME",
    )
    yield Setting(
        "null_words",
        panel,
        "Words that mean null, besides the empty field.",
        read_words,
        "WORD,...",
    )
    yield Setting(
        "sheet",
        panel,
        "Sheet of a workbook; the first one by default.",
        read_text,
        "NAME",
    )
    yield Setting(
        "rows_at",
        panel,
        "Where the rows are in a JSON document, such as data.items.",
        read_dotted,
        "NAME.NAME",
    )


def _speed() -> Iterable[Setting]:
    panel: Panel = "Speed and memory"
    yield Setting(
        "batch_rows",
        panel,
        "Most rows to prepare at once, up to 32 MB of them.",
        read_positive_or_auto,
        "N|auto",
    )
    yield Setting(
        "batch_seconds",
        panel,
        "Longest time a row waits for its batch to fill.",
        read_seconds,
        "SECONDS",
    )
    yield Setting(
        "workers",
        panel,
        "Number of connections that write at the same time.",
        read_positive_or_auto,
        "N|auto",
    )
    yield Setting(
        "max_memory", panel, "Memory limit of the process.", read_size, "SIZE"
    )


def _safety() -> Iterable[Setting]:
    yield from _failures()
    yield from _journal()
    yield from _other_runs()


def _failures() -> Iterable[Setting]:
    panel: Panel = "Safety"
    yield Setting(
        "max_rejects",
        panel,
        "Number or share of rows that may be rejected; more stop the run. No limit by "
        "default.",
        read_reject_limit,
        "N|P%",
    )
    yield Setting(
        "retry_attempts",
        panel,
        "Most times to try one transaction.",
        read_positive,
        "N",
    )
    yield Setting(
        "retry_seconds",
        panel,
        "Longest time to keep trying one transaction.",
        read_seconds,
        "SECONDS",
    )


def _journal() -> Iterable[Setting]:
    panel: Panel = "Safety"
    yield _choice(
        "journal_sync",
        panel,
        "How often journaled rows are flushed to disk.",
        get_args(JournalSync),
    )
    yield Setting(
        "journal_bytes",
        panel,
        "Size of the journal at which producers wait.",
        read_size,
        "SIZE",
    )


def _other_runs() -> Iterable[Setting]:
    panel: Panel = "Safety"
    yield Setting(
        "lock",
        panel,
        "Take the table's lock: of the runs that take it, one loads at a time.",
        read_switch,
    )
    yield Setting(
        "lock_wait",
        panel,
        "Longest time to wait for that lock.",
        read_seconds,
        "SECONDS",
    )
    yield Setting(
        "resume",
        panel,
        "Run to continue; true (or --resume alone) means the last unfinished one.",
        read_resume,
        "RUN|true",
    )


def _running() -> Iterable[Setting]:
    panel: Panel = "Running"
    yield Setting(
        "state_dir",
        panel,
        "Folder of rejects, journals, reports and the embedded database.",
        read_path,
        "FOLDER",
    )
    yield Setting(
        "progress", panel, "Whether to show live progress on a terminal.", read_switch
    )


#: Every setting by its name, in the order of `--help`.
SETTINGS: Mapping[str, Setting] = {one.name: one for one in _listed()}

#: What says how rows are loaded that a run has left on disk: they are neither read from
#: a source nor journaled again.
RELOADING: tuple[str, ...] = tuple(
    one.name
    for one in SETTINGS.values()
    if one.panel != "Reading" and one.name not in {"journal_sync", "journal_bytes"}
)
