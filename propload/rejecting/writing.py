"""Writes the rejected rows of a run to disk as they come."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import AS_OF, NUMBER, ORIGINS, ROW, SOURCE
from propload.errors import WriteError
from propload.prepare.casting.text_out import beyond_json, is_json_of_polars, write_text
from propload.private_files import is_at, open_private, sync_folder
from propload.rejecting.lines import REASON_COLUMNS, each_line
from propload.rejecting.reason_counts import ReasonCounts
from propload.rejecting.store import RejectStore, lock_rejects, unlock_rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedWriter
    from pathlib import Path

    from propload.rejecting.lines import Line
    from propload.report import ReasonCount

log = logging.getLogger(__name__)

#: About how many bytes of rows are converted to lines at a time: the texts briefly take
#: several times that, and a call for fewer rows costs more than the writing itself.
BYTES_AT_ONCE = 4 << 20


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """Rejected rows of one prepared batch, ready to be written.

    Attributes:
        raw: The rows as read, with the columns `ORIGINS`.
        reasons: Their reasons, with the columns `REASONS`; a row may have several.
        batch: The number of the prepared batch.
        lane: The lane, or None for rows rejected while preparing.
    """

    raw: pl.DataFrame
    reasons: pl.DataFrame
    batch: int
    lane: int | None = None


class RejectWriter:
    """Writes the rejected rows of one run; thread-safe.

    The file is created with the first rejected row. Rows are flushed to disk before
    `write` returns.

    Args:
        path: The run's file.
        run_id: The run.
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self.path = path
        self._run_id = run_id
        self._lock = threading.Lock()
        self._file: BufferedWriter | None = None
        self._lock_descriptor: int | None = None
        self._counts = ReasonCounts()
        self._last: dict[int, tuple[int, pl.DataFrame]] = {}

    def write(self, rejected: RejectedRows) -> int:
        """Write rejected rows; return how many.

        If a lane writes its batch again, the new rows replace those written before.

        Raises:
            WriteError: The file cannot be written; none of these rows was kept.
        """
        if not rejected.reasons.height:
            return 0
        # prepared outside the lock, in parallel to other lanes
        lines = _as_lines(rejected, self._run_id)
        with self._lock:
            if rejected.lane is not None:
                self._retract(rejected.batch, rejected.lane)
            rows = self._append(lines)
            self._counts.add(rejected.reasons)
            if rejected.lane is not None:
                self._last[rejected.lane] = (rejected.batch, rejected.reasons)
        return rows

    def adopt_earlier_rows(self, is_kept: Callable[[Line], bool], /) -> int:
        """Take over rows that the run had rejected before; return how many are kept.

        They are counted, and until `close` they are locked against replays and drops.

        Args:
            is_kept: Returns whether a line is kept; the others will be rejected again.

        Raises:
            LockedError: They are being replayed.
            WriteError: The file cannot be written.
        """
        if not self.path.exists():
            return 0
        rows = 0
        try:
            with _raising_write_errors(self.path):
                self._lock_file()
                RejectStore(self.path.parent).keep(self._run_id, is_kept)
            # if no line was kept, the file is gone
            for _, line in each_line(self.path) if self.path.exists() else ():
                self._counts.add_line(line)
                rows += 1
        except BaseException:
            self.close()
            raise
        return rows

    def _lock_file(self) -> None:
        """Lock the file, so that nobody replays or drops rows while more may come."""
        if self._lock_descriptor is None:
            self._lock_descriptor = lock_rejects(self.path)

    def retract(self, batch: int, lane: int) -> None:
        """Remove the rows of a lane's last batch: a retry of it rejected none."""
        with self._lock:
            self._retract(batch, lane)

    def _retract(self, batch: int, lane: int) -> None:
        last, reasons = self._last.pop(lane, (None, None))
        if last != batch or reasons is None:
            return
        store, piece = RejectStore(self.path.parent), (batch, lane)
        with _raising_write_errors(self.path):
            self._restore_if_removed()
            self._close_file()
            store.keep(
                self._run_id, lambda line: (line["batch"], line["lane"]) != piece
            )
        self._counts.retract(reasons)

    @property
    def counted(self) -> tuple[ReasonCount, ...]:
        """The number of rejected rows by reason, largest first."""
        with self._lock:
            return self._counts.counted

    def close(self) -> None:
        """Close the file; if it was removed meanwhile, write it again first."""
        with self._lock:
            try:
                self._restore_if_removed()
            except OSError as error:
                log.warning("%s is gone: %s", self.path, _cause(error))
            self._close_file()
            if self._lock_descriptor is not None:
                unlock_rejects(self.path, self._lock_descriptor)
                self._lock_descriptor = None

    def _append(self, parts: Iterator[pl.DataFrame]) -> int:
        """Write lines to disk; return how many."""
        rows = 0
        with _raising_write_errors(self.path):
            self._restore_if_removed()
            self._lock_file()
            if self._file is None:
                # also readable, in case it has to be written again
                self._file = open_private(self.path, "ab+")
                sync_folder(self.path.parent)
            size_before = self._file.tell()
            try:
                for lines in parts:
                    lines.write_ndjson(self._file)
                    rows += lines.height
                self._file.flush()
                os.fsync(self._file.fileno())
            except BaseException:
                self._truncate(size_before)
                raise
        return rows

    def _restore_if_removed(self) -> None:
        """If the file was removed, write it again from the descriptor still open.

        If another file took its place, as editors do, continue with that one.
        """
        if self._file is None or is_at(self.path, self._file.fileno()):
            return
        if not self.path.exists():
            self._file.seek(0)
            with open_private(self.path, "wb") as restored:
                shutil.copyfileobj(self._file, restored)
                restored.flush()
                os.fsync(restored.fileno())
            sync_folder(self.path.parent)
            log.warning("%s was removed, and is being written again", self.path)
        self._close_file()
        if self._lock_descriptor is not None:
            # the lock file may have been removed or replaced with it
            unlock_rejects(self.path, self._lock_descriptor)
            self._lock_descriptor = lock_rejects(self.path)

    def _truncate(self, size: int) -> None:
        """Truncate the file, so that a full disk leaves no incomplete line."""
        with suppress(OSError):
            self._close_file()
        with suppress(OSError):
            os.truncate(self.path, size)

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


@contextmanager
def _raising_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError in the block into a WriteError that says what to do.

    Raises:
        WriteError: The file cannot be written.
    """
    try:
        yield
    except OSError as error:
        msg = (
            f"rejected rows cannot be written to {path}: {_cause(error)}. "
            "Make room or use another --state-dir"
        )
        raise WriteError(msg) from error


def _as_lines(rejected: RejectedRows, run_id: str) -> Iterator[pl.DataFrame]:
    """Return a line for each row, in frames of about `BYTES_AT_ONCE` bytes."""
    # reasons come column by column: sort them in the order of the source
    ordered = rejected.reasons.sort(ROW, maintain_order=True)
    reasons = ordered.group_by(ROW, maintain_order=True).agg(
        pl.struct(*REASON_COLUMNS).alias("reasons")
    )
    names = [name for name in rejected.raw.columns if name not in ORIGINS]
    # values that JSON cannot hold become text, so that none is changed or lost
    printable = rejected.raw.with_columns(
        replacement
        for name in names
        for replacement in _json_replacement(rejected.raw[name])
    )
    # one struct first: a row's columns may have the same names as those added below
    values = (pl.struct(names) if names else pl.lit(None)).alias("values")
    raw = printable.select(*ORIGINS, values)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    rows = reasons.height * BYTES_AT_ONCE // max(int(raw.estimated_size()), 1)
    columns = [
        pl.lit(run_id).alias("run"),
        pl.lit(now).alias("time"),
        pl.col(SOURCE).alias("source"),
        pl.col(NUMBER).alias("row"),
        pl.col(AS_OF).alias("as_of"),
        pl.lit(rejected.batch, dtype=pl.Int64).alias("batch"),
        pl.lit(rejected.lane, dtype=pl.Int64).alias("lane"),
        pl.col("values", "reasons"),
    ]
    return (
        part.join(raw, on=ROW, how="left", maintain_order="left").select(columns)
        for part in reasons.iter_slices(max(rows, 1))
    )


def _json_replacement(column: pl.Series) -> Iterator[pl.Expr]:
    """Yield the expression that replaces a column that JSON cannot hold, if any."""
    name, dtype = column.name, column.dtype
    if dtype == pl.Binary:
        # PostgreSQL's hex format
        yield ("\\x" + pl.col(name).bin.encode("hex")).alias(name)
    elif dtype.is_float():
        if not column.is_finite().all(ignore_nulls=True):
            yield pl.col(name).cast(pl.String)
    elif dtype.is_decimal() or dtype in {pl.Int128, pl.UInt128}:
        yield pl.col(name).cast(pl.String)
    elif dtype.is_temporal() or (dtype.is_nested() and not _is_json(column)):
        text = write_text(pl.col(name), dtype)
        if text is not None:
            yield text.alias(name)


def _is_json(column: pl.Series) -> bool:
    """Return whether Polars' own JSON holds all nested values of a column."""
    if not is_json_of_polars(column.dtype):
        return False
    beyond = beyond_json(pl.col(column.name), column.dtype)
    return beyond is None or not column.to_frame().select(beyond.any()).item()


def _cause(error: OSError) -> str:
    # errors of Polars have no strerror, only a text
    return error.strerror or str(error)
