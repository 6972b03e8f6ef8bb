"""Accounts for the rows of a run: counts them all, and keeps the rejected ones."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from propload.batch import ROW
from propload.errors import CountsError, RejectLimitError
from propload.messages.wording import counted
from propload.rejecting import RejectedRows
from propload.report import Counts, ReasonCount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from propload.batch import Piece
    from propload.errors import TransientWriteError
    from propload.monitoring.metrics import Metrics
    from propload.options import RejectLimit
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Prepared
    from propload.rejecting import RejectWriter
    from propload.starting import Start
    from propload.target import Written


class Tally:
    """Accounts for every row that was read; lanes report pieces from their threads.

    A batch is in flight from its preparation until it is committed on every lane.

    Args:
        rejects: Keeps rejected rows.
        limit: How many rejected rows the run allows.
        metrics: Live counters to increase; they may include other runs, so they are
            never read here.
        on_committed: Called with the row number of the run below which all rows are
            committed.
        start: Where the run starts, and what earlier processes of it did.

    Attributes:
        batches: Prepared batches, with those of earlier processes of the run.
        retries: Transactions that were retried.
        done_before: The rows that earlier processes of the run accounted for.
    """

    def __init__(
        self,
        rejects: RejectWriter,
        limit: RejectLimit,
        metrics: Metrics,
        on_committed: Callable[[int], None],
        start: Start,
    ) -> None:
        self._rejects = rejects
        self._limit = limit
        self._metrics = metrics
        self._on_committed = on_committed
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._joined: dict[int, Joined] = {}
        self._open_pieces: dict[int, int] = {}
        #: The run's row number after the last prepared row.
        self._through = start.first_row
        self._start = start
        self._counts = Counts()
        self.batches = self.retries = 0
        self.done_before = start.counts.accounted
        #: The rows that the live counters show as read, those in flight included.
        self._shown_as_read = 0
        self._show_as_read(self.done_before)
        earlier = replace(start.counts, read=self.done_before)
        self._add(earlier, batches=start.batches)
        self._warned: Counter[tuple[str | None, str, str]] = Counter()
        self._erased: Counter[str] = Counter()

    @property
    def warnings(self) -> tuple[ReasonCount, ...]:
        """The number of loaded rows by warning, largest first; final after the run."""
        return tuple(
            ReasonCount("warning", column, check, rows, message)
            for (column, check, message), rows in self._warned.most_common()
        )

    @property
    def erased(self) -> dict[str, int]:
        """A lower bound on how many stored values nulls have erased, by column."""
        with self._lock:
            return dict(self._erased)

    @property
    def counts(self) -> Counts:
        """The counts so far, with those of earlier processes of the run."""
        with self._lock:
            return self._counts

    def verify(self, *, all_read: bool) -> None:
        """Raise if a row is not accounted for.

        Args:
            all_read: Whether the outcome of every prepared row is known.

        Raises:
            CountsError: The counts do not add up to each other or to the rows read.
        """
        counts = self.counts
        counts.verify()
        # rows of batches that an earlier process began and this one did not reach
        begun = self._start.committed_from(self._through)
        rows_read = self._through - self._start.rows_unaccounted + begun
        if all_read and counts.read != rows_read:
            msg = (
                f"{counted(rows_read, 'row')} came from the source but "
                f"{counted(counts.read, 'is', 'are')} accounted for ({counts}): please "
                "report this with the command that you ran"
            )
            raise CountsError(msg)

    def _add(self, counts: Counts, *, batches: int = 0, retries: int = 0) -> None:
        with self._lock:
            self._counts += counts
            self.batches += batches
            self.retries += retries
        self._metrics.add(replace(counts, read=0), batches=batches, retries=retries)

    def _show_as_read(self, rows: int) -> None:
        """Count rows as read in the live counters, before their outcome is known."""
        self._shown_as_read += rows
        self._metrics.add(Counts(read=rows))

    def end(self) -> None:
        """Subtract from the live counters the rows whose outcome never became known."""
        self._show_as_read(self.counts.read - self._shown_as_read)

    # ---- preparing: the thread that prepares ----

    def begin(
        self,
        joined: Joined,
        prepared: Prepared,
        lanes: int,
        /,
        *,
        done: Mapping[int, int],
    ) -> int:
        """Note a batch before its pieces go to lanes; return how many rows it rejects.

        These are the rows rejected while preparing; they are on disk when this returns.

        Args:
            joined: The batch as read.
            prepared: The batch as prepared.
            lanes: How many lanes have to commit a piece of it.
            done: How many rows earlier processes of the run accounted for, by lane: the
                first lane includes those rejected while preparing.

        Raises:
            CountsError: A row is neither prepared nor a duplicate nor rejected.
            WriteError: Rejected rows cannot be written to their file.
        """
        _require_all(joined, prepared)
        self._show_as_read(joined.height + joined.unread - sum(done.values()))
        rejected = 0 if 0 in done else self._write_rejected(joined, prepared)
        with self._lock:
            self._joined[joined.number] = joined
            self._open_pieces[joined.number] = lanes
            self._through = joined.through_row
        # a batch without rows only serves to create the table
        self._add(Counts(), batches=1 if joined.height + joined.unread else 0)
        self._count_warnings(prepared)
        return rejected

    def _write_rejected(self, joined: Joined, prepared: Prepared) -> int:
        rejected = self._write(joined, prepared.reasons, None)
        for raw, reasons in joined.refused_by_source():
            rejected += self._rejects.write(RejectedRows(raw, reasons, joined.number))
        self._add(Counts(read=rejected, rejected=rejected))
        return rejected

    def _count_warnings(self, prepared: Prepared) -> None:
        if prepared.warnings is not None:
            columns = prepared.warnings.select("column", "check", "message", "rows")
            for column, check, message, rows in columns.iter_rows():
                self._warned[column, check, message] += rows

    def wait_idle(self, seconds: float, /) -> bool:
        """Wait until no batch is in flight; return whether that is so.

        Args:
            seconds: The longest time to wait.
        """
        with self._idle:
            return self._idle.wait_for(lambda: not self._open_pieces, seconds)

    def check_limit(self, *, ended: bool = False) -> None:
        """Raise if too many rows were rejected.

        Args:
            ended: Whether all rows were read, so that their share of all is final.

        Raises:
            RejectLimitError: More rows were rejected than the limit allows.
        """
        rejected = self.counts.rejected
        if self._limit.is_passed(rejected=rejected, read=self._through, ended=ended):
            msg = (
                f"{rejected:,} of {counted(self._through, 'row')} "
                f"{'was' if rejected == 1 else 'were'} rejected, which is "
                "more than max_rejects allows"
            )
            raise RejectLimitError(msg)

    # ---- called by the lanes, from their threads ----

    def on_rejected(self, piece: Piece, reasons: pl.DataFrame, /) -> None:
        """Write the rows that the database rejected to their file, before the commit.

        They replace those of an earlier attempt, which was rolled back.
        """
        if not reasons.height:
            self._rejects.retract(piece.batch, piece.lane)
            return
        with self._lock:
            joined = self._joined[piece.batch]
        self._write(joined, reasons, piece.lane)

    def on_written(self, piece: Piece, written: Written) -> None:
        """Count a committed piece."""
        read = piece.rows.height + piece.rows.duplicates
        self._add(replace(written.counts, read=read))
        with self._lock:
            self._erased.update(written.erased)
        self._metrics.set_activity("")
        self.mark_piece_done(piece.batch)

    def on_retry(self, error: TransientWriteError, wait: float) -> None:
        """Count a retry, and show what the run waits for."""
        self._add(Counts(), retries=1)
        self._metrics.set_activity(f"next try within {wait:.1f} s: {error}")

    def mark_piece_done(self, batch: int, /) -> None:
        """Note that one lane has committed its piece, now or in an earlier process."""
        with self._lock:
            self._open_pieces[batch] -= 1
            if self._open_pieces[batch]:
                return
            del self._open_pieces[batch], self._joined[batch]
            rows = (joined.first_row for joined in self._joined.values())
            below = min(rows, default=self._through)
            self._idle.notify_all()
        self._on_committed(below)

    def _write(self, joined: Joined, reasons: pl.DataFrame, lane: int | None) -> int:
        if not reasons.height:
            return 0
        rows = reasons[ROW].unique(maintain_order=True)
        raw = joined.raw()[rows].join(joined.origins(rows), on=ROW)
        return self._rejects.write(RejectedRows(raw, reasons, joined.number, lane))


def _require_all(joined: Joined, prepared: Prepared) -> None:
    """Raise if rows of a batch were lost or duplicated while it was prepared."""
    rejected = prepared.reasons[ROW].n_unique() if prepared.reasons.height else 0
    if joined.height != prepared.height + prepared.duplicates + rejected:
        msg = (
            f"{joined.parts[0].source}: of {counted(joined.height, 'row')} of batch "
            f"{joined.number} {prepared.height:,} are left to write, "
            f"{prepared.duplicates:,} are duplicates and {rejected:,} were refused: "
            "please report this with the command that you ran"
        )
        raise CountsError(msg)
