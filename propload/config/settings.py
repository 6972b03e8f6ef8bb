"""The table of settings: what each means, and how its value is read.

It is the one place from which flags, config keys and environment variables are
made, so that none of them can differ from the keywords in `propload.options`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from propload.errors import ConfigError
from propload.options import (
    JournalSync,
    RejectLimit,
    RunOptions,
    SourceOptions,
)
from propload.target import Mode, OnNewColumns, OnNull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Panel = Literal["Target", "Rows", "Reading", "Speed and memory", "Safety", "Running"]

#: Bytes in a unit, as PostgreSQL counts its memory settings.
_UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?B?)\s*", re.IGNORECASE)
_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: Its name as a keyword; the flag writes `-` for `_`.
        panel: The group that `--help` shows it in.
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
    def default(self) -> str:
        """What holds where nobody sets it, as a reader would write it, or empty."""
        value = _DEFAULTS.get(self.name)
        if isinstance(value, int) and self.read is read_size:
            return write_size(value)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return f"{value:g}" if isinstance(value, float) else str(value)
        return ""


def _defaults(options: Iterable[type]) -> dict[str, object]:
    return {f.name: f.default for one in options for f in fields(one)}


_DEFAULTS = _defaults((RunOptions, SourceOptions))


def read_text(value: object) -> str:
    """Return the text, which may not be empty."""
    if not isinstance(value, str) or not value:
        msg = "is not a text"
        raise ConfigError(msg)
    return value


def read_anything(value: object) -> object:
    """Return the value: a name, or what Python code gave."""
    return value


def read_path(value: object) -> Path:
    """Return the path, `~` expanded."""
    if not isinstance(value, (str, Path)) or not str(value):
        msg = "is not a path"
        raise ConfigError(msg)
    return Path(value).expanduser()


def read_words(value: object) -> tuple[str, ...]:
    """Return the words of a list, or of a text with commas between them."""
    if isinstance(value, str):
        value = [word.strip() for word in value.split(",")]
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(word, str) for word in value
    ):
        msg = f"{value!r} is not a list of words: write A,B or a list of texts"
        raise ConfigError(msg)
    return tuple(value)


def read_names(value: object) -> tuple[str, ...]:
    """Return column names, none of them empty."""
    names = read_words(value)
    if not all(names):
        msg = f"{value!r} holds an empty name"
        raise ConfigError(msg)
    return names


def read_count(value: object) -> int:
    """Return a whole number."""
    written = "" if isinstance(value, bool) else str(value)
    try:
        return int(written.replace(",", ""))
    except ValueError:
        msg = f"{value!r} is not a whole number"
        raise ConfigError(msg) from None


def read_count_or_auto(value: object) -> int | str:
    """Return a whole number, or `auto`."""
    if value == "auto":
        return "auto"
    try:
        return read_count(value)
    except ConfigError:
        msg = f'{value!r} is neither a whole number nor "auto"'
        raise ConfigError(msg) from None


def read_seconds(value: object) -> float:
    """Return a duration in seconds, 0 or more."""
    written = "" if isinstance(value, bool) else str(value)
    try:
        seconds = float(written)
    except ValueError:
        msg = f"{value!r} is not a number of seconds"
        raise ConfigError(msg) from None
    # NaN is not 0 or more either
    if not 0 <= seconds < float("inf"):
        msg = f"{value!r} is out of range: give 0 seconds or more"
        raise ConfigError(msg)
    return seconds


def read_switch(value: object) -> bool:
    """Return yes or no from a boolean or one of the usual words."""
    if isinstance(value, bool):
        return value
    found = _WORDS.get(str(value).strip().lower())
    if found is None:
        msg = f"{value!r} is neither true nor false"
        raise ConfigError(msg)
    return found


def read_size(value: object) -> int:
    """Return bytes from a number, or from a text such as `600MB`."""
    matched = None if isinstance(value, bool) else _SIZE.fullmatch(str(value))
    unit = matched[2].upper().replace("I", "") if matched else ""
    if matched and unit and unit != "B" and not unit.endswith("B"):
        unit += "B"
    if matched is None or unit not in _UNITS:
        msg = f"{value!r} is not a size: give bytes, or a number with KB, MB or GB"
        raise ConfigError(msg)
    return int(float(matched[1]) * _UNITS[unit])


def write_size(size: int) -> str:
    """Return bytes as `read_size` reads them: 629145600 is `600MB`."""
    for unit in ("TB", "GB", "MB", "KB"):
        if size >= _UNITS[unit] and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return str(size)


def read_reject_limit(value: object) -> int | str:
    """Return `N` or `P%` unchanged, when it is one of these."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        msg = f"{value!r} is neither a number nor a percentage"
        raise ConfigError(msg)
    RejectLimit.parse(value)
    return value


def read_moment(value: object) -> datetime:
    """Return a moment; one without a time zone is in UTC."""
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(str(value))
    except ValueError:
        msg = f"{value!r} is not a moment: write 2026-07-01 or 2026-07-01T12:00:00Z"
        raise ConfigError(msg) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_resume(value: object) -> str | bool:
    """Return a run to continue; true is the last one that did not finish."""
    if isinstance(value, bool):
        return value
    text = read_text(value)
    return _WORDS.get(text.lower(), text)


def _choice(name: str, panel: Panel, meaning: str, words: tuple[str, ...]) -> Setting:
    def read(value: object) -> object:
        if value not in words:
            msg = f"{value!r} is none of {', '.join(words)}"
            raise ConfigError(msg)
        return value

    return Setting(name, panel, meaning, read, "|".join(words), words)


def _listed() -> Iterable[Setting]:
    yield from _target()
    yield from _rows()
    yield from _reading()
    yield from _speed()
    yield from _safety()
    yield from _running()


def _target() -> Iterable[Setting]:
    panel: Panel = "Target"
    yield Setting(
        "to",
        panel,
        "PostgreSQL connection string; without it the embedded database.",
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
        "Column that orders the versions of a row; the newest wins.",
        read_text,
        "COLUMN",
    )
    yield _choice(
        "mode",
        panel,
        "What happens to a row whose key is stored already.",
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
        "What happens to columns that the table lacks.",
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
        "Mapping of columns: a name, a TOML file or MODULE:NAME.",
        read_anything,
        "MAPPING",
    )
    yield Setting(
        "as_of",
        panel,
        "Moment at which the rows were true, for files that do not say.",
        read_moment,
        "TIMESTAMP",
    )


def _reading() -> Iterable[Setting]:
    panel: Panel = "Reading"
    yield Setting(
        "format",
        panel,
        "csv, tsv, ndjson, json, parquet, arrow or xlsx; else found out.",
        read_text,
        "FORMAT",
    )
    yield Setting(
        "delimiter",
        panel,
        "Character between fields; else found out.",
        read_text,
        "CHARACTER",
    )
    yield Setting(
        "header",
        panel,
        "Whether the first line names the columns; else found out.",
        read_switch,
    )
    yield Setting(
        "encoding",
        panel,
        "Encoding of text as Python names it; else found out.",
        read_text,
        "NAME",
    )
    yield Setting(
        "null_words",
        panel,
        "Field texts that mean null, besides the empty field.",
        read_words,
        "WORD,...",
    )
    yield Setting(
        "sheet", panel, "Sheet of a workbook; else its first one.", read_text, "NAME"
    )


def _speed() -> Iterable[Setting]:
    panel: Panel = "Speed and memory"
    yield Setting(
        "batch_rows",
        panel,
        "Rows prepared at once.",
        read_count_or_auto,
        "N|auto",
    )
    yield Setting(
        "batch_seconds",
        panel,
        "Longest wait of a row for company.",
        read_seconds,
        "SECONDS",
    )
    yield Setting(
        "workers",
        panel,
        "Connections that write at the same time.",
        read_count_or_auto,
        "N|auto",
    )
    yield Setting(
        "max_memory", panel, "Memory that the process keeps to.", read_size, "SIZE"
    )


def _safety() -> Iterable[Setting]:
    panel: Panel = "Safety"
    yield Setting(
        "max_rejects",
        panel,
        "Refused rows that stop the run; else none do.",
        read_reject_limit,
        "N|P%",
    )
    yield Setting(
        "retry_attempts", panel, "Most attempts at one transaction.", read_count, "N"
    )
    yield Setting(
        "retry_seconds",
        panel,
        "Longest time spent on one transaction.",
        read_seconds,
        "SECONDS",
    )
    yield _choice(
        "journal_sync",
        panel,
        "When journaled rows reach the disk.",
        get_args(JournalSync),
    )
    yield Setting(
        "journal_bytes",
        panel,
        "Size of the journal at which its producer waits.",
        read_size,
        "SIZE",
    )
    yield Setting(
        "lock", panel, "Whether a second run into the table is refused.", read_switch
    )
    yield Setting(
        "lock_wait", panel, "Longest wait for that lock.", read_seconds, "SECONDS"
    )
    yield Setting(
        "resume",
        panel,
        "Run to continue; true is the last one that did not finish.",
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
        "progress", panel, "Whether a terminal shows live progress.", read_switch
    )


#: Every setting by its name, in the order of `--help`.
SETTINGS: Mapping[str, Setting] = {one.name: one for one in _listed()}
