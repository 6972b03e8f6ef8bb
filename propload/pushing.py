"""A source whose rows are pushed: the journal has them when the push returns."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from io import IOBase
from os import PathLike
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING

import polars as pl

from propload.arguments import require_mapping, require_seconds
from propload.batch import Batch
from propload.config.values import read_text
from propload.errors import ConfigError, JournalError, QueueClosedError
from propload.messages.wording import counted, with_article
from propload.sources import open_source
from propload.sources.frames.frame_source import is_frame
from propload.sources.items import ItemSource
from propload.values.columns import Columns
from propload.values.python_values import row_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from propload.journal import Journal
    from propload.options import SourceOptions


#: What has no rows although it can be iterated: names of files, bytes, open files.
_NO_ROWS = (str, bytes, bytearray, memoryview, PathLike, IOBase, type)


class PushedSource:
    """Batches that a program pushes; the run attaches the journal that holds them.

    Args:
        options: How rows become batches.
        name: What messages call it.
        defaults: Settings that hold where the user sets none.

    Raises:
        ConfigError: `defaults` has no names and values.

    Attributes:
        rereadable: What was pushed cannot be asked for again.
        defaults: As given.
    """

    rereadable = False

    def __init__(
        self,
        options: SourceOptions,
        name: str = "pushed",
        defaults: Mapping[str, object] | None = None,
    ) -> None:
        self.name = name
        require_mapping("defaults", defaults or {})
        self.defaults = dict(defaults or {})
        self._options = options
        self._columns = Columns(complete=False)
        self._building = threading.Lock()
        self._rows_put = 0
        self._changed = threading.Condition()
        self._journal: Journal | None = None
        self._error: BaseException | None = None
        self._finished = False

    def __iter__(self) -> Iterator[Batch]:
        yield from self.journal().follow()

    def fingerprint(self) -> str | None:
        """Return None: pushed rows are known by their numbers."""
        return None

    # ---- the run's side ----

    def attach(self, journal: Journal) -> None:
        """Take the journal that rows go to; pushes may begin."""
        with self._changed:
            self._journal = journal
            if self._finished:
                journal.finish()
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Wake whoever pushes or waits to push."""
        with self._changed:
            self._error = self._error or error
            journal = self._journal
            self._changed.notify_all()
        if journal is not None:
            journal.fail(error)

    def stop(self) -> None:
        """Take no more; what was pushed is loaded."""
        self._end(whole=False)

    def is_producing(self) -> bool:
        """Return whether more may be pushed."""
        with self._changed:
            return not self._finished and self._error is None

    # ---- the program's side ----

    def journal(self) -> Journal:
        """Return the journal, waiting until the run has attached it.

        Raises:
            QueueClosedError: The run failed; the cause is its error.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._journal or self._error)
            if self._error is not None:
                msg = f"the load failed: {self._error}"
                raise QueueClosedError(msg) from self._error
            assert self._journal is not None  # noqa: S101 - waited for
            return self._journal

    def put(self, rows: object, *, timeout: float | None = None) -> None:
        """Hand rows over, waiting for room.

        Raises:
            TimeoutError: There was no room in time for all rows.
            ConfigError: They are no rows, or `timeout` is no number.
            JournalError: The disk refuses: the message says how many rows were taken
                before that, if any.
            QueueClosedError: The run failed or is closed; it knows how many rows were
                taken before that.
        """
        if timeout is not None:
            require_seconds("timeout", timeout)
        journal = self.journal()
        deadline = None if timeout is None else time.monotonic() + timeout
        taken = 0
        for made in self._batches(rows):
            _require_columns(made)
            left = _seconds_until(deadline)
            try:
                if made is rows:
                    journal.append(made, timeout=left)
                else:
                    self._append_numbered(journal, made, timeout=left)
            except TimeoutError as error:
                msg = (
                    f"no room within {timeout} s: the {part_taken(taken)}. Put the "
                    "others again later, wait longer (timeout=), or raise journal_bytes"
                )
                raise TimeoutError(msg) from error
            except JournalError as error:
                if not taken:
                    raise
                msg = f"{error}. The {part_taken(taken)}"
                raise JournalError(msg) from error
            except QueueClosedError as error:
                raise QueueClosedError(str(error), taken=taken) from error.__cause__
            taken += made.height

    def try_put(self, batch: Batch) -> bool:
        """Hand a batch over if there is room now; return whether it was taken.

        Raises:
            ConfigError: It is none that a load can take.
        """
        return self.journal().try_append(require_batch(batch))

    def finish(self) -> None:
        """Say that no more rows come."""
        self._end(whole=True)

    def _end(self, *, whole: bool) -> None:
        with self._changed:
            # a source that was told to stop has not given all, whatever closes it then
            whole = whole and not self._finished
            self._finished = True
            if self._journal is not None:
                if whole:
                    self._journal.note_whole()
                self._journal.finish()

    def _append_numbered(
        self, journal: Journal, batch: Batch, *, timeout: float | None
    ) -> None:
        """Hand a batch over with its rows numbered after all that were put before."""
        with self._building:
            before = self._rows_put
            self._rows_put += batch.height
        try:
            numbered = batch.numbered_from(before + 1) if batch.height else batch
            journal.append(numbered, timeout=timeout)
        except BaseException:
            # whoever puts these again gives them the numbers that they had
            with self._building:
                if self._rows_put == before + batch.height:
                    self._rows_put = before
            raise

    def _batches(self, rows: object) -> Iterable[Batch]:
        if isinstance(rows, Batch):
            return [rows]
        several = _several(rows)
        if isinstance(several, list) and not several:
            return []
        source = open_source(several, self._options)
        if not isinstance(source, ItemSource) or not source.rereadable:
            return source
        # A lone null has no type of its own. Without the type that its column had
        # before, each such row would be a batch, and a writer, by itself.
        source.columns = self._columns
        with self._building:
            return list(source)


def _seconds_until(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    # no thread can wait longer than this: infinity waits as long as it takes
    return min(max(0.0, deadline - time.monotonic()), TIMEOUT_MAX)


def require_batch(given: object, /) -> Batch:
    """Return a batch that a load can take.

    Raises:
        ConfigError: It is something else, or has rows without columns.
    """
    if not isinstance(given, Batch):
        kind = with_article(type(given).__name__)
        msg = f"{kind} is not a batch: pass a propload.Batch, or put the rows"
        raise ConfigError(msg)
    _require_columns(given)
    return given


def read_name(given: object, /) -> str:
    """Return what a source is to be called.

    Raises:
        ConfigError: Reports and journals cannot write it.
    """
    try:
        return read_text(given)
    except ConfigError as error:
        msg = f"name: {error}"
        raise ConfigError(msg) from None


def _require_columns(batch: Batch) -> None:
    """Refuse rows that no load and no recovery of the journal could take."""
    rows = batch.rows.num_rows
    if rows and not batch.rows.num_columns:
        msg = f"{counted(rows, 'row has', 'rows have')} no columns: choose some"
        raise ConfigError(msg)


def part_taken(rows: int, /) -> str:
    """Return what is said where only the first of several rows were taken."""
    return f"first {counted(rows, 'row was', 'rows were')} taken"


def _is_row(item: object) -> bool:
    try:
        return row_of(item) is not None
    except Exception:  # noqa: BLE001 - a user's item may raise anything
        # it has fields, which cannot be read: the row is rejected as among others
        return True


def _several(rows: object) -> object:
    """Return pushed rows as a list of rows, or as the frame or iterator they are.

    Raises:
        ConfigError: They are no rows: a text would be taken for a file's name.
    """
    if isinstance(rows, pl.LazyFrame):
        return rows.collect()
    if is_frame(rows) or hasattr(rows, "__arrow_c_stream__"):
        return rows
    if _is_row(rows):
        return [rows]
    if isinstance(rows, (list, tuple)):
        strange = [one for one in rows if isinstance(one, (str, bytes, PathLike))]
        if not strange:
            return list(rows)
        rows = strange[0]
    elif isinstance(rows, Iterable) and not isinstance(rows, _NO_ROWS):
        # sets, views and whatever else gives rows or batches of them
        return iter(rows)
    msg = (
        f"{rows!r} is not a row: put takes dicts, dataclasses, pydantic objects, lists "
        "of these, frames and batches, and whatever iterates over them"
    )
    raise ConfigError(msg)
