"""A source of rows that are pushed: they are in the journal when the push returns."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterable, Awaitable, Iterable
from dataclasses import replace
from io import IOBase
from os import PathLike
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING

import polars as pl

from propload.arguments import require_mapping, require_seconds, require_sound
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
    from propload.sources.source import Source


#: What is iterable but does not contain rows: names of files, bytes, open files.
_NOT_ROWS = (str, bytes, bytearray, memoryview, PathLike, IOBase, type)


class PushedSource:
    """Batches that a program pushes; the run attaches the journal that holds them.

    Args:
        options: How rows become batches.
        name: The source's name in messages.
        defaults: The `mapping` and `schema` that apply unless the user sets them.

    Raises:
        ConfigError: `defaults` is not a mapping, or has another setting.

    Attributes:
        rereadable: False: what was pushed cannot be read again.
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
        self.defaults = _checked_defaults(defaults or {})
        self._options = options
        self._columns = Columns(complete=False)
        self._numbering_lock = threading.Lock()
        self._rows_put = 0
        self._changed = threading.Condition()
        self._journal: Journal | None = None
        self._error: BaseException | None = None
        self._finished = False

    def __iter__(self) -> Iterator[Batch]:
        yield from self.journal().follow()

    def fingerprint(self) -> str | None:
        """Return None: pushed rows are identified by their numbers."""
        return None

    # ---- the run's side ----

    def attach(self, journal: Journal) -> None:
        """Set the journal that rows go to; from now on rows can be pushed."""
        with self._changed:
            self._journal = journal
            if self._finished:
                journal.finish()
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Wake all threads that wait for the journal, or for room in it."""
        with self._changed:
            self._error = self._error or error
            journal = self._journal
            self._changed.notify_all()
        if journal is not None:
            journal.fail(error)

    def stop(self) -> None:
        """Take no more rows; what was pushed is loaded."""
        self._end(complete=False)

    def is_producing(self) -> bool:
        """Return whether more rows may be pushed."""
        with self._changed:
            return not self._finished and self._error is None

    # ---- the program's side ----

    def journal(self) -> Journal:
        """Return the journal, after waiting until the run has attached it.

        Raises:
            QueueClosedError: The run failed; its error is the `__cause__`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._journal or self._error)
            if self._error is not None:
                msg = f"the load failed: {self._error}"
                raise QueueClosedError(msg) from self._error
            assert self._journal is not None  # noqa: S101 - ensured by the wait
            return self._journal

    def put(self, rows: object, *, timeout: float | None = None) -> None:
        """Append rows to the journal, waiting for room.

        Raises:
            TimeoutError: There was no room in time for all rows; the message says how
                many were taken.
            ConfigError: They are not rows, or `timeout` is not a number.
            JournalError: The journal cannot be written to disk; the message says how
                many rows were taken before that, if any.
            QueueClosedError: The run failed or is closed; `taken` is the number of rows
                that were taken before that.
        """
        if timeout is not None:
            require_seconds("timeout", timeout)
        journal = self.journal()
        deadline = None if timeout is None else time.monotonic() + timeout
        taken = 0
        for batch in self._batches(rows):
            _require_columns(batch)
            remaining = _seconds_until(deadline)
            try:
                if batch is rows:
                    journal.append(batch, timeout=remaining)
                else:
                    self._append_numbered(journal, batch, timeout=remaining)
            except TimeoutError as error:
                outcome = f"the {part_taken(taken)}" if taken else "nothing was taken"
                rest = "others" if taken else "rows"
                msg = (
                    f"no room within {timeout} s: {outcome}. Put the {rest} again "
                    "later, wait longer (timeout=), or raise journal_bytes"
                )
                raise TimeoutError(msg) from error
            except JournalError as error:
                if not taken:
                    raise
                msg = f"{error}. The {part_taken(taken)}"
                raise JournalError(msg) from error
            except QueueClosedError as error:
                raise QueueClosedError(str(error), taken=taken) from error.__cause__
            taken += batch.height

    def try_put(self, batch: Batch) -> bool:
        """Append a batch to the journal if there is room now; return whether there was.

        Raises:
            ConfigError: It is not a batch, or has rows without columns.
        """
        return self.journal().try_append(require_batch(batch))

    def finish(self) -> None:
        """Declare that all rows were pushed."""
        self._end(complete=True)

    def _end(self, *, complete: bool) -> None:
        with self._changed:
            # a source that was stopped before has not given all rows
            complete = complete and not self._finished
            self._finished = True
            if self._journal is not None:
                if complete:
                    self._journal.note_whole()
                self._journal.finish()

    def _append_numbered(
        self, journal: Journal, batch: Batch, *, timeout: float | None
    ) -> None:
        """Append a batch whose rows are numbered on from those that were put before."""
        with self._numbering_lock:
            before = self._rows_put
            self._rows_put += batch.height
        try:
            numbered = batch.numbered_from(before + 1) if batch.height else batch
            journal.append(numbered, timeout=timeout)
        except BaseException:
            # if these rows are put again, they get the same numbers
            with self._numbering_lock:
                if self._rows_put == before + batch.height:
                    self._rows_put = before
            raise

    def _batches(self, rows: object) -> Iterable[Batch]:
        if isinstance(rows, Batch):
            require_sound(rows)
            return [rows]
        pushed = _as_rows(rows)
        if isinstance(pushed, list) and not pushed:
            return []
        source = open_source(pushed, self._options)
        if not isinstance(source, ItemSource) or not source.rereadable:
            return self._named(source)
        # A single null has no type. If its column did not keep the type that it had
        # before, each such row would need a batch, and a writer, of its own.
        source.columns = self._columns
        with self._numbering_lock:
            return list(self._named(source))

    def _named(self, source: Source) -> Iterator[Batch]:
        """Yield batches under this name: all Loaders of a program have a "list"."""
        for batch in source:
            is_its_own = batch.source == source.name
            yield replace(batch, source=self.name) if is_its_own else batch


def _seconds_until(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    # the longest that a thread can wait, also for a deadline of infinity
    return min(max(0.0, deadline - time.monotonic()), TIMEOUT_MAX)


def require_batch(value: object, /) -> Batch:
    """Return the value, if it is a batch that a load can take.

    Raises:
        ConfigError: It is not a batch, or not a sound one, or has rows without columns.
    """
    if not isinstance(value, Batch):
        kind = with_article(type(value).__name__)
        msg = f"{kind} is not a batch: pass a propload.Batch, or put the rows"
        raise ConfigError(msg)
    require_sound(value)
    _require_columns(value)
    return value


def read_name(value: object, /) -> str:
    """Return the name given for a source.

    Raises:
        ConfigError: It is not text that reports and journals can hold.
    """
    try:
        return read_text(value)
    except ConfigError as error:
        msg = f"name: {error}"
        raise ConfigError(msg) from None


def _checked_defaults(given: Mapping[str, object]) -> dict[str, object]:
    """Return the defaults of pushed rows.

    Raises:
        ConfigError: They are no mapping, or have other names: rows whose schema is
            written in another way would be loaded unchecked.
    """
    require_mapping("defaults", given)
    for name in given:
        if name not in ("mapping", "schema"):
            msg = f"defaults: {name!r} is neither mapping nor schema: leave it out"
            raise ConfigError(msg)
    return dict(given)


def _require_columns(batch: Batch) -> None:
    """Refuse rows without columns, which neither a load nor a recovery could take.

    Raises:
        ConfigError: The batch has such rows.
    """
    rows = batch.rows.num_rows
    if rows and not batch.rows.num_columns:
        msg = f"{counted(rows, 'row has', 'rows have')} no columns: choose some"
        raise ConfigError(msg)


def part_taken(rows: int, /) -> str:
    """Return the part of a message that says how many of the first rows were taken."""
    return f"first {counted(rows, 'row was', 'rows were')} taken"


def _is_row(item: object) -> bool:
    try:
        return row_of(item) is not None
    except Exception:  # noqa: BLE001 - a user's item may raise anything
        # its fields cannot be read: the row is rejected later, as in a list of rows
        return True


def _as_rows(rows: object) -> object:
    """Return pushed rows as a list of rows, or as a frame or iterator if they are one.

    Raises:
        ConfigError: They are not rows; text would be taken for the name of a file.
    """
    if isinstance(rows, pl.LazyFrame):
        return rows.collect()
    if is_frame(rows) or hasattr(rows, "__arrow_c_stream__"):
        return rows
    if _is_row(rows):
        return [rows]
    if isinstance(rows, (list, tuple)):
        non_rows = [row for row in rows if isinstance(row, (str, bytes, PathLike))]
        if not non_rows:
            return list(rows)
        rows = non_rows[0]
    elif isinstance(rows, Iterable) and not isinstance(rows, _NOT_ROWS):
        # sets, views and whatever else yields rows or batches
        return iter(rows)
    raise ConfigError(_not_a_row(rows))


def _not_a_row(value: object) -> str:
    """Return that a pushed value is not a row, and what to push instead."""
    kind = with_article(type(value).__name__)
    if isinstance(value, Awaitable):
        return f"{kind} is not a row: await it, and put what it returns"
    if isinstance(value, AsyncIterable):
        return f"{kind} is not a row: put what it yields, in an async for"
    return (
        f"{value!r} is not a row: put takes dicts, dataclasses, pydantic objects, "
        "lists of these, frames and batches, and whatever iterates over them"
    )
