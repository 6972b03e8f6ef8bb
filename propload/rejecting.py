"""Refused rows on disk: one NDJSON line a row, as read, with every reason."""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import polars as pl

from propload.batch import NUMBER, ROW, SOURCE
from propload.errors import ConfigError, WriteError
from propload.report import ReasonCount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedWriter
    from pathlib import Path

#: The columns of a line, besides the row itself.
REASON_COLUMNS = ("stage", "column", "check", "value", "message", "sqlstate")
REJECT_COLUMNS = ("run", "time", "source", "row", "batch", "lane", "values", "reasons")


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused rows of one prepared batch, ready to be written.

    Attributes:
        raw: The rows as read, with `ROW`, `source` and `row` under the names
            `SOURCE` and `NUMBER`; one line a row.
        reasons: One line a reason, columns `REASONS`.
        batch: The prepared batch's number.
        lane: The lane, or None for rows refused before the lanes.
    """

    raw: pl.DataFrame
    reasons: pl.DataFrame
    batch: int
    lane: int | None = None


def make_private_folder(path: Path) -> None:
    """Make a folder, and its parents, that only its owner may enter."""
    if not path.parent.exists():
        make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path, mode: str) -> BufferedWriter:
    """Open a file for bytes that only its owner may read."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    make_private_folder(path.parent)
    # Path.open takes no opener, and without one the file is public for a moment
    return cast("BufferedWriter", open(path, mode, opener=opener))


class RejectWriter:
    """Writes the refused rows of one run; any thread may call it.

    The file is made with the first refused row and is on disk before `write`
    returns.

    Args:
        path: The run's file.
        run_id: The run's name.
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self.path = path
        self._run_id = run_id
        self._lock = threading.Lock()
        self._file: BufferedWriter | None = None
        self._counted: Counter[tuple[str, str | None, str]] = Counter()
        self._examples: dict[tuple[str, str | None, str], str] = {}
        self._last: dict[int, tuple[int, pl.DataFrame]] = {}

    def write(self, refused: Refused) -> int:
        """Write refused rows; return how many.

        Those of a lane's batch that is written again take the place of the first.

        Raises:
            WriteError: The file cannot be written; nothing of it was kept.
        """
        if not refused.reasons.height:
            return 0
        lines = _as_lines(refused, self._run_id)
        with self._lock:
            if refused.lane is not None:
                self._take_back(refused.batch, refused.lane)
                self._last[refused.lane] = (refused.batch, refused.reasons)
            self._append(lines)
            self._count(refused.reasons, 1)
        return lines.height

    def take_back(self, batch: int, lane: int) -> None:
        """Remove the rows of a lane's last batch: it was written without refusals."""
        with self._lock:
            self._take_back(batch, lane)

    def _take_back(self, batch: int, lane: int) -> None:
        last, reasons = self._last.pop(lane, (None, None))
        if last != batch or reasons is None:
            return
        self._count(reasons, -1)
        if self._file is not None:
            self._file.close()
            self._file = None
        store, place = RejectStore(self.path.parent), (batch, lane)
        store.keep(self._run_id, lambda *other: other != place)

    @property
    def counted(self) -> tuple[ReasonCount, ...]:
        """The rows refused by reason, most first."""
        with self._lock:
            return tuple(
                ReasonCount(stage, column, check, rows, self._examples[key])
                for key, rows in self._counted.most_common()
                if rows
                for stage, column, check in [key]
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None

    def _append(self, lines: pl.DataFrame) -> None:
        try:
            if self._file is None:
                self._file = open_private(self.path, "ab")
            kept = self._file.tell()
            try:
                lines.write_ndjson(self._file)
                self._file.flush()
                os.fsync(self._file.fileno())
            except BaseException:
                self._cut(kept)
                raise
        except OSError as error:
            msg = (
                f"refused rows cannot be written to {self.path}: {_cause(error)}. "
                "Make room or give another --state-dir, then run the same command again"
            )
            raise WriteError(msg) from error

    def _cut(self, size: int) -> None:
        """Leave no half line behind where the disk was full."""
        assert self._file is not None  # noqa: S101 - _append opened it
        with suppress(OSError):
            self._file.close()
        self._file = None
        with suppress(OSError):
            os.truncate(self.path, size)

    def _count(self, reasons: pl.DataFrame, sign: int) -> None:
        keys = ["stage", "column", "check"]
        grouped = reasons.group_by(keys, maintain_order=True).agg(
            pl.col(ROW).n_unique(), pl.col("message").first()
        )
        for stage, column, check, rows, message in grouped.iter_rows():
            key = (stage, column, check)
            self._counted[key] += sign * rows
            self._examples.setdefault(key, message)


def _as_lines(refused: Refused, run_id: str) -> pl.DataFrame:
    reasons = refused.reasons.group_by(ROW, maintain_order=True).agg(
        pl.struct(*REASON_COLUMNS).alias("reasons")
    )
    names = [name for name in refused.raw.columns if name not in {ROW, SOURCE, NUMBER}]
    printable = refused.raw.with_columns(_printable(refused.raw.select(names)))
    # one column, before others that a row's own may be called like
    values = (pl.struct(names) if names else pl.lit(None)).alias("values")
    raw = printable.select(ROW, SOURCE, NUMBER, values)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return reasons.join(raw, on=ROW, how="left", maintain_order="left").select(
        pl.lit(run_id).alias("run"),
        pl.lit(now).alias("time"),
        pl.col(SOURCE).alias("source"),
        pl.col(NUMBER).alias("row"),
        pl.lit(refused.batch, dtype=pl.Int64).alias("batch"),
        pl.lit(refused.lane, dtype=pl.Int64).alias("lane"),
        pl.col("values", "reasons"),
    )


def _printable(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return casts of what JSON cannot hold, so that no value is changed or lost."""
    return [expr for name in frame.columns for expr in _as_json_value(frame[name])]


def _as_json_value(column: pl.Series) -> Iterator[pl.Expr]:
    name, dtype = column.name, column.dtype
    if dtype == pl.Binary:
        yield pl.col(name).bin.encode("hex")
    elif dtype.is_float():
        if not column.is_finite().all(ignore_nulls=True):
            yield pl.col(name).cast(pl.String)
    elif dtype.is_decimal() or dtype in {pl.Int128, pl.UInt128}:
        yield pl.col(name).cast(pl.String)
    elif dtype.is_temporal() and dtype != pl.Duration:
        yield pl.col(name).dt.to_string()
    elif dtype == pl.Duration:
        yield pl.col(name).dt.to_string("iso")


@dataclass(frozen=True, slots=True)
class RejectRun:
    """The refused rows of one run, as the list of runs shows them.

    Attributes:
        run_id: The run's name.
        path: Its file.
        rows: How many rows it holds.
        source: The source of the first row.
        time: When the first row was refused, ISO 8601.
        reason: The first row's first message.
    """

    run_id: str
    path: Path
    rows: int
    source: str
    time: str
    reason: str


class RejectStore:
    """The refused rows of all runs.

    Args:
        folder: The folder of their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, run_id: str) -> Path:
        """Return the file of a run, whether it exists or not."""
        return self._folder / f"{run_id}.ndjson"

    def runs(self) -> list[RejectRun]:
        """Return the runs that have refused rows, newest first."""
        paths = sorted(self._folder.glob("*.ndjson"), reverse=True)
        return [_summary(path) for path in paths if path.stat().st_size]

    def read(self, run_id: str = "") -> pl.DataFrame:
        """Return a run's refused rows: columns `REJECT_COLUMNS`, one line a row.

        Args:
            run_id: The run, or its beginning; empty for the newest.

        Raises:
            ConfigError: No such run has refused rows.
        """
        return read_lines(self.find(run_id))

    def find(self, run_id: str = "") -> Path:
        """Return the file of the run whose name begins so; empty is the newest.

        Raises:
            ConfigError: There is none, or more than one.
        """
        paths = sorted(self._folder.glob("*.ndjson"))
        if not run_id and paths:
            return paths[-1]
        found = [path for path in paths if path.stem.startswith(run_id) and run_id]
        exact = [path for path in found if path.stem == run_id]
        if len(found) == 1 or exact:
            return (exact or found)[0]
        what = f"run {run_id!r}" if run_id else "any run"
        how_many = f"{len(found)} runs begin so" if found else "no refused rows"
        msg = f"{what}: {how_many}. See: propload rejects list"
        raise ConfigError(msg)

    def drop(self, run_id: str) -> Path:
        """Delete a run's refused rows; return the file that was deleted."""
        path = self.find(run_id)
        path.unlink()
        return path

    def keep(self, run_id: str, is_kept: Callable[[int, int | None], bool]) -> None:
        """Keep only lines whose (batch, lane) is kept; what is redone comes again.

        Args:
            run_id: The run.
            is_kept: Called with batch and lane (None before the lanes).
        """
        path = self.path(run_id)
        if not path.exists():
            return
        frame = read_lines(path)
        kept = [
            is_kept(batch, lane)
            for batch, lane in frame.select("batch", "lane").iter_rows()
        ]
        self.replace(run_id, frame.filter(pl.Series(kept, dtype=pl.Boolean)))

    def replace(self, run_id: str, lines: pl.DataFrame) -> None:
        """Put other lines in the place of a run's; none removes its file.

        Args:
            run_id: The run.
            lines: Columns `REJECT_COLUMNS`.
        """
        path = self.path(run_id)
        if not lines.height:
            path.unlink(missing_ok=True)
            return
        aside = path.with_suffix(".tmp")
        with open_private(aside, "wb") as file:
            lines.write_ndjson(file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)


def _cause(error: OSError) -> str:
    # what writes the lines tells it in one text
    return error.strerror or str(error)


def read_lines(path: Path) -> pl.DataFrame:
    """Return the refused rows of a file: columns `REJECT_COLUMNS`."""
    if not path.exists() or not path.stat().st_size:
        return pl.DataFrame(schema=dict.fromkeys(REJECT_COLUMNS, pl.String))
    # a later line may hold a column or a type that the first ones lack
    return pl.read_ndjson(path, infer_schema_length=None)


def _summary(path: Path) -> RejectRun:
    with path.open("rb") as file:
        first = pl.read_ndjson(file.readline()).row(0, named=True)
        rows = 1 + sum(1 for _ in file)
    return RejectRun(
        path.stem,
        path,
        rows,
        first["source"],
        first["time"],
        first["reasons"][0]["message"],
    )
