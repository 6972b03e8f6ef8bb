"""`Loader`: a load of rows that the program pushes."""

from __future__ import annotations

import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import ClassVar, Self, TypeVar, Unpack

from propload.batch import Batch
from propload.display import watch
from propload.earlier_runs.recovering import recover_first
from propload.errors import ConfigError, LoadError, QueueClosedError, load_error_for
from propload.journal import Journal
from propload.journal.ending import Outcome, Unclosed, close_journal, warn_unclosed
from propload.messages.tracebacks import short_interrupts
from propload.messages.wording import counted
from propload.monitoring.metrics import Metrics, metrics_or_new
from propload.options import Settings
from propload.process.threads import in_context, start_thread
from propload.pushing import PushedSource, part_taken, read_name, require_batch
from propload.queueing import Listeners
from propload.report import Report
from propload.running.choosing import default_settings
from propload.running.planning import Plan, source_options
from propload.running.run import Run
from propload.running.stopping import LISTEN_SECONDS, Latch, end_at_once, run_stoppable
from propload.settings_signature import names_settings
from propload.sources import refuse_unused

T = TypeVar("T")

log = logging.getLogger(__name__)


class Loader:
    """Takes rows that are pushed, and loads them while more come.

    When `put` returns, its rows are in the journal: a killed process loses none (but
    see `journal_sync` for a power cut). When `close` returns, they are in the table.

        with propload.Loader(table="homes", key="id") as loader:
            for home in homes:
                loader.put(home)
        print(loader.report)

    Args:
        job: The job of the configuration file whose settings apply.
        name: The name of the source in reports and rejected rows.
        metrics: Counters to update; new ones by default.
        defaults: The `mapping` and `schema` (no other setting) to use if neither
            settings nor configuration name others, such as those of a spider's class.
        **settings: Settings that differ from configuration and defaults.

    Raises:
        ConfigError: A setting, mapping or schema cannot be used.
        WriteError: The database cannot be reached, or the table cannot be written.
        JournalError: The journal cannot be written to disk.
        LoadError: Rows that an earlier run left in its journal, which are loaded first,
            cannot be loaded; or (`LockedError`) another run holds the table's lock.

    Attributes:
        metrics: The counters, during the load.
        failed: What ended the load early, or None.
    """

    _unclosed_warning: ClassVar = Unclosed(
        "the Loader of %s was not closed",
        "Close a Loader, or use it in a with block",
    )

    @names_settings(Settings)
    def __init__(
        self,
        *,
        job: str | None = None,
        name: str = "pushed",
        metrics: Metrics | None = None,
        defaults: Mapping[str, object] | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self._process = os.getpid()
        plan = Plan.of(settings, job=job)
        self.metrics: Metrics = metrics_or_new(metrics)
        options = source_options(plan)
        refuse_unused(options, (), "pushed rows")
        self._source = PushedSource(options, read_name(name), defaults)
        self._plan = plan.with_defaults(default_settings(self._source, plan.settings))
        run_stoppable(partial(recover_first, self._plan, self._source))
        self._run = Run(self._source, self._plan, metrics=self.metrics)
        self._report: Report | None = None
        self.failed: BaseException | None = None
        self._failure_listeners: Listeners[BaseException] = Listeners()
        #: The journal of batches that came after the load had failed.
        self._journal_after_failure: Journal | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._ended = Latch()
        #: Warns, if this is never closed, of the rows that are left in the journal.
        self._unclosed: weakref.finalize[..., Loader] | None = None
        self._thread = threading.Thread(
            target=in_context(self._execute), name="propload-loader", daemon=True
        )
        start_thread(self._thread)
        self._journal = self._open_journal()
        # the thread refers to the loader, so this is called at the program's end
        self._unclosed = weakref.finalize(
            self,
            warn_unclosed,
            self._journal,
            self._process,
            self._plan.commands,
            self._unclosed_warning,
        )

    @short_interrupts()
    def _open_journal(self) -> Journal:
        """Return the journal of the run once it has begun; raise what prevented it."""
        try:
            return self._source.journal()
        except QueueClosedError:
            self._wait()
            self._raise_failure()
            raise
        except BaseException as error:
            # the caller gets no loader to close, and the run would go on
            self.abort(error)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # rows that were put are loaded, even if the block failed afterwards
        try:
            self.close(whole=False)
        except Exception as load_error:  # noqa: BLE001 - the block's own error is the one raised
            error.add_note(f"the load failed as well: {load_error}")

    def __repr__(self) -> str:
        with self._lock:
            status = self._report.status if self._report else ""
        state = status or ("failed" if self.failed else "loading")
        return (
            f"<Loader {self._source.name}: {state}, {self.metrics.snapshot().counts}>"
        )

    @property
    def report(self) -> Report:
        """The report, available once the load has ended.

        Raises:
            LoadError: The load has not ended yet, or failed before it began.
        """
        with self._lock:
            report, failed = self._report, self.failed
        if report is not None:
            return report
        if failed is not None:
            msg = f"there is no report, as the load could not begin: {failed}"
            raise load_error_for(failed, msg) from failed
        msg = "no report yet: close the loader, or ask for it after the with block"
        raise LoadError(msg)

    def put(self, rows: object, /, *, timeout: float | None = None) -> None:
        """Take rows for the load; when this returns, they are in the journal.

        A killed process loses none; `journal_sync` says what a power cut may lose.

        Args:
            rows: One row (a dict, dataclass or pydantic object), several, a frame
                or a `Batch`.
            timeout: Seconds to wait for room; None waits as long as it takes.

        Raises:
            TimeoutError: There was no room in time for all rows; the message says how
                many of them were taken.
            ConfigError: They are not rows, or this Loader belongs to another process.
            SourceError: They cannot be turned into a table.
            JournalError: The journal cannot be written; the message says how many rows
                were taken before that, if any.
            LoadError: The load has failed, or is closed; the message says how many of
                these rows were taken before that, if any.
        """
        self._guard(lambda: self._source.put(rows, timeout=timeout))

    def try_put(self, batch: Batch, /) -> bool:
        """Take a batch for the load if there is room now; return whether it was taken.

        Raises:
            ConfigError: It is not a batch, or this Loader belongs to another process.
            JournalError: The journal cannot be written; the batch was not taken.
            LoadError: The load has failed, or is closed.
        """
        return bool(self._guard(lambda: self._source.try_put(batch)))

    def keep(self, batch: Batch, /) -> None:
        """Keep a batch on disk that came after the load had failed.

        It goes into a separate journal, which `propload recover` loads after that of
        the load; `close` logs a warning about it.

        Raises:
            TimeoutError: That journal is full.
            ConfigError: It is not a batch, or this Loader belongs to another process.
            JournalError: The journal cannot be written to disk; the run never began; or
                the load is a replace, for which some of the rows are of no use.
            LoadError: The load has not failed, or the Loader is closed.
        """
        self._require_usable()
        with self._lock:
            if self.failed is None or self._closed:
                state = "is closed" if self._closed else "takes rows: put them"
                msg = f"this Loader {state}"
                raise LoadError(msg, report=self._report)
            if self._journal_after_failure is None:
                self._journal_after_failure = self._run.rest()
            # under the lock: a concurrent close waits for it
            self._journal_after_failure.append(require_batch(batch), timeout=0)

    def on_room(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when there may be room.

        It may be called from any thread and must be brief. An error that it raises is
        logged, and the load goes on.
        """
        self._journal.on_room(listener)

    def on_failed(self, listener: Callable[[BaseException], None]) -> None:
        """Have `listener` called when the load has failed, now if it has already.

        It may be called from any thread and must be brief. An error that it raises is
        logged, and the other listeners are called.
        """
        with self._lock:
            failed = self.failed
            if failed is None:
                self._failure_listeners.add(listener)
        if failed is not None:
            listener(failed)

    @short_interrupts()
    def close(self, *, whole: bool = True) -> Report:
        """Load the rest of what was put, and return the report.

        An interrupt ends the load immediately: uncommitted rows stay in the journal.

        Args:
            whole: Whether all rows that exist were put. If not, a replace leaves the
                table as it was: the report has the status `interrupted` and says how
                to put the incomplete rows in place nevertheless.

        Raises:
            LoadError: The load stopped early; it carries the report, and is also an
                error of the kind that ended the load.
        """
        self._require_usable()
        self._close_rest()
        try:
            if not whole and self._plan.settings.get("mode") == "replace":
                self._run.stop()
            self._source.finish()
            self._wait()
        except BaseException as error:
            # nobody waits for the run any more, so it must not go on
            self.abort(error)
            raise
        # not earlier: the program may end while one of its threads waits here
        self._cancel_unclosed_warning()
        self._raise_failure()
        return self.report

    def abort(self, error: BaseException) -> None:
        """End the load immediately; rows that are not committed stay in the journal.

        What does not end in time, because the server does not answer, is abandoned.

        Args:
            error: What ends the load.

        Raises:
            ConfigError: This Loader belongs to another process.
        """
        self._refuse_fork()
        self._cancel_unclosed_warning()
        is_other_thread = threading.current_thread() is not self._thread
        if is_other_thread and not self._exits_unfinished():
            end_at_once(self._run.abort, error, self._has_ended)

    def _wait(self) -> None:
        if threading.current_thread() is self._thread:
            # called by a listener in the very thread that would be waited for
            return
        while not self._has_ended(LISTEN_SECONDS):
            continue

    def _has_ended(self, seconds: float) -> bool:
        # not join alone: Python considers a thread ended if its join is interrupted
        if not self._ended.wait(seconds):
            return False
        self._thread.join()
        return True

    def _cancel_unclosed_warning(self) -> None:
        """Cancel the warning: the loader is closed, or is known to have failed."""
        if self._unclosed is not None:
            self._unclosed.detach()

    def _refuse_fork(self) -> None:
        # a fork has neither the threads that load nor a right to their connections
        if os.getpid() != self._process:
            msg = "this Loader belongs to another process: open one in each process"
            raise ConfigError(msg)

    def _require_usable(self) -> None:
        self._refuse_fork()
        if self._exits_unfinished():
            # a warning has told how to recover it, and nothing can be imported any more
            msg = (
                "the program has ended, and with it the threads that load: what was "
                "put waits in the journal until it is recovered"
            )
            raise LoadError(msg)

    def _exits_unfinished(self) -> bool:
        """Return whether Python is exiting, so that the load can no longer end."""
        return sys.is_finalizing() and not self._ended.wait(0)

    def _guard(self, action: Callable[[], T]) -> T:
        self._require_usable()
        try:
            with short_interrupts():
                return action()
        except QueueClosedError as error:
            self._wait()
            taken = f" (the {part_taken(error.taken)})" if error.taken else ""
            if self.failed is None:
                msg = f"this Loader is closed{taken}: open a new one for more rows"
                raise LoadError(msg, report=self._report) from error.__cause__
            self._cancel_unclosed_warning()
            msg = f"nothing more can be put{taken}: {self.failed}"
            raise load_error_for(self.failed, msg, report=self._report) from self.failed

    def _raise_failure(self) -> None:
        if self.failed is not None:
            raise self.failed

    def _close_rest(self) -> None:
        with self._lock:
            self._closed = True
            journal, self._journal_after_failure = self._journal_after_failure, None
        if journal is None:
            return
        log.warning(
            "%s came after the load had failed: run %s in the journal, which %s loads "
            "as well",
            counted(journal.rows, "row"),
            journal.folder.name,
            self._plan.commands.recover(),
        )
        close_journal(journal, Outcome())

    def _execute(self) -> None:
        try:
            with watch(self.metrics, wanted=self._plan.shows_progress):
                self._report = self._run.execute()
        except BaseException as error:  # noqa: BLE001 - raised by close() and put()
            self._fail(error)
        finally:
            self._ended.set()

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self.failed = error
            self._report = getattr(error, "report", None)
        self._source.fail(error)
        self._failure_listeners.notify(error)


class CrawlLoader(Loader):
    """The `Loader` of a crawl that Scrapy runs; the crawl closes it, not the user."""

    _unclosed_warning: ClassVar = Unclosed(
        "the crawl was ended immediately, before all of it was loaded into %s",
        "Stopped once (Ctrl-C), a crawl commits what it has read, and ends",
    )
