"""The settings of a run: each has one name as keyword, flag and config key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Literal, TypedDict

from propload.errors import ConfigError
from propload.target import Mode, OnNewColumns, OnNull

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


JournalSync = Literal["always", "second", "off"]

#: Rows in one Arrow batch of a source: large enough that per-batch costs vanish,
#: small enough that 20 columns of text stay near 5 MB.
CHUNK_ROWS = 25_000
#: Bytes of text parsed at once; for a longer line the chunk grows.
CHUNK_BYTES = 8 << 20
#: Rows joined before one pandera call: enough to make its fixed cost of 15-35 ms
#: negligible, while a batch of 20 columns stays under 25 MB.
BATCH_ROWS = 50_000
#: Most Arrow bytes in a prepared batch, however few rows that is: preparing it takes
#: several times as much memory for a moment. 50,000 listings have 12 MB. With rows of
#: 2 kB, twice this limit took a quarter longer, and 90 MB more.
BATCH_BYTES = 16 << 20
#: A row waits at most this many seconds for its batch to fill.
BATCH_SECONDS = 1.0
#: On two cores, two sessions keep the server busy with COPY; more only wait.
WORKERS = 2
#: A run's sessions besides those of its lanes: one for ledger and tables, one for the
#: run's lock. Locking the target takes one more, and so does a replace.
OTHER_SESSIONS = 2
#: The default memory limit of a run, in bytes.
MAX_MEMORY = 600 << 20
#: Fewest rows read before a limit on the share of rejected rows can end a run: the
#: share among a handful of rows says nothing.
SHARE_LEAST_ROWS = 100
#: Settings that trials of `propload.tune` do not take: those that it searches for, and
#: those of runs that are watched, wait for rows or locks, or can be resumed.
UNTRIED = frozenset(
    {"batch_rows", "workers", "batch_seconds", "journal_sync", "journal_bytes"}
    | {"lock", "lock_wait", "resume", "progress"}
)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How input is read; None means that it is detected from the input.

    Attributes:
        format: csv, tsv, ndjson, json, parquet, arrow or xlsx.
        delimiter: One character between fields.
        skip_lines: Lines to skip above the header, or above the first row.
        header: Whether the first line names the columns.
        encoding: utf-8, utf-16, cp1252, ... as Python names it.
        null_words: Words that mean null, besides the empty field.
        sheet: The sheet of a workbook; its first one by default.
        rows_at: The path to the rows in a JSON document: names with dots between them.
        chunk_rows: Most rows in one batch of the source.
        chunk_bytes: Text bytes parsed at once.
        explicit: The options that were given for this load: the source has to support
            them.
        by_clock: Whether a batch also ends after a while, however few its rows. Not
            for a rereadable source, whose batches must end at the same rows each time.
    """

    format: str | None = None
    delimiter: str | None = None
    skip_lines: int = 0
    header: bool | None = None
    encoding: str | None = None
    null_words: tuple[str, ...] = ()
    sheet: str | None = None
    rows_at: str | None = None
    chunk_rows: int = CHUNK_ROWS
    chunk_bytes: int = CHUNK_BYTES
    explicit: frozenset[str] = frozenset()
    by_clock: bool = True


def is_delimiter(text: str, /) -> bool:
    """Return whether a text can separate fields: one ASCII character, no quote."""
    return len(text) == 1 and text.isascii() and text not in '"\r\n'


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """The arguments and Scrapy settings of a spider.

    Attributes:
        arguments: As with `scrapy crawl -a`.
        settings: Scrapy settings; they override the spider's own.
    """

    arguments: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


CRAWL = CrawlOptions()


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """How many rejected rows a run allows: a number, or a share of the rows read.

    Attributes:
        rows: Most rejected rows, or None.
        share: Most rejected rows as a fraction of those read (0 to 1), or None.
    """

    rows: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str | int | None) -> RejectLimit:
        """Return the limit written as `N` or `P%`; None is no limit.

        Raises:
            ConfigError: The text is neither, or is out of range.
        """
        if text is None:
            return cls()
        words = str(text).strip()
        try:
            if words.endswith("%"):
                limit = cls(share=float(words[:-1]) / 100)
            else:
                limit = cls(rows=int(words))
        except ValueError:
            msg = f"{text!r} is neither a whole number nor a percentage such as 5%"
            raise ConfigError(msg) from None
        if (limit.rows or 0) < 0 or not 0 <= (limit.share or 0) <= 1:
            msg = f"{text!r} is out of range: give 0 or more, or 0% to 100%"
            raise ConfigError(msg)
        return limit

    def is_passed(self, *, rejected: int, read: int, ended: bool) -> bool:
        """Return whether more rows were rejected than the run allows.

        Args:
            rejected: Rows rejected so far.
            read: Rows read so far.
            ended: Whether the source has ended, so that a share is final.
        """
        if self.rows is not None and rejected > self.rows:
            return True
        if self.share is None or not (ended or read >= SHARE_LEAST_ROWS):
            return False
        return rejected > self.share * read


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run works; none of it changes what the table holds afterwards.

    Attributes:
        batch_rows: Most rows to prepare at once, or "auto".
        batch_seconds: Longest time a row waits for its batch to fill, in seconds.
        workers: Lanes that write, each with a connection, or "auto".
        max_rejects: How many rejected rows the run allows.
        max_memory: Memory limit of the process, in bytes.
        retry_attempts: Maximum number of tries for one transaction.
        retry_seconds: Longest time to keep trying one transaction, in seconds.
        journal_sync: How often journaled rows are flushed to disk.
        journal_bytes: Most bytes of journal before a producer waits.
        lock: Whether to take the target's lock: of runs that do, only one at a time
            loads.
        lock_wait: Longest time to wait for that lock, in seconds.
    """

    batch_rows: int | Literal["auto"] = "auto"
    batch_seconds: float = BATCH_SECONDS
    workers: int | Literal["auto"] = "auto"
    max_rejects: RejectLimit = RejectLimit()
    max_memory: int = MAX_MEMORY
    #: With full jitter, 12 attempts last about the 120 s that a restart takes.
    retry_attempts: int = 12
    retry_seconds: float = 120.0
    journal_sync: JournalSync = "second"
    journal_bytes: int = 1 << 30
    lock: bool = False
    lock_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run keeps its files; private folders, each made when first used."""

    state_dir: Path

    @property
    def rejects(self) -> Path:
        """The folder of rejected rows, with one file per run."""
        return self.state_dir / "rejects"

    @property
    def journal(self) -> Path:
        """The folder of journals, with one folder per run."""
        return self.state_dir / "journal"

    @property
    def runs(self) -> Path:
        """The folder of reports, with one file per run."""
        return self.state_dir / "runs"


class FileSettings(TypedDict, total=False):
    """Settings of a function that reads or deletes what runs have left on disk."""

    state_dir: str | PathLike[str] | None


class TableSettings(TypedDict, total=False):
    """Settings of a function that finds the runs that loaded a table."""

    table: str | None
    state_dir: str | PathLike[str] | None


class JournalSettings(TypedDict, total=False):
    """Settings of a function that discards a journal."""

    to: str | None
    state_dir: str | PathLike[str] | None


class LedgerSettings(TypedDict, total=False):
    """Settings of a function that finds the runs that loaded a database."""

    to: str | None
    table: str | None
    state_dir: str | PathLike[str] | None


class RecoverSettings(TypedDict, total=False):
    """Settings for loading rows that a run has left in its journal."""

    to: str | None
    table: str | None
    key: str | Sequence[str] | None
    newest: str | None
    mode: Mode | None
    on_null: OnNull | None
    on_new_columns: OnNewColumns | None
    schema: object
    mapping: object
    as_of: datetime | str | None
    batch_rows: int | Literal["auto"] | None
    batch_seconds: float | None
    workers: int | Literal["auto"] | None
    max_rejects: int | str | None
    max_memory: int | str | None
    retry_attempts: int | None
    retry_seconds: float | None
    lock: bool | None
    lock_wait: float | None
    state_dir: str | PathLike[str] | None
    progress: bool | None


class ReplaySettings(RecoverSettings, total=False):
    """Settings for another load of the rows that a run has rejected."""

    resume: str | bool | None


class Settings(ReplaySettings, total=False):
    """Every setting of a run, under the one name that it has everywhere.

    The keyword of `propload.ingest`, the flag (`--batch-rows`), the config key
    (`batch_rows`) and the environment variable (`PROPLOAD_BATCH_ROWS`) have the same
    name. A function that passes settings on declares
    `**settings: Unpack[propload.Settings]`. None is the same as not given.
    """

    format: str | None
    delimiter: str | None
    skip_lines: int | None
    header: bool | None
    encoding: str | None
    null_words: Sequence[str] | None
    sheet: str | None
    rows_at: str | None
    journal_sync: JournalSync | None
    journal_bytes: int | str | None
