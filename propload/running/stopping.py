"""Ends a load cleanly on a signal: it runs in its own thread while the main one waits.

Python runs signal handlers only between two bytecode instructions of the main thread.
If that thread were in a driver's call, a handler would run late or interrupt the call.
"""

from __future__ import annotations

import inspect
import logging
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from propload.errors import LoadError
from propload.messages.tracebacks import short_interrupts
from propload.process.early_signals import SIGNALS
from propload.process.threads import in_context, start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

log = logging.getLogger(__name__)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: Seconds that an aborted load may take to end: enough to cancel a statement and to
#: finish preparing a batch. After that the load is abandoned.
ABORT_SECONDS = 10.0
#: Seconds to wait for the aborting thread once the load has ended: it checks for that
#: five times a second, unless it is blocked in a driver's call.
_ABORTING_SECONDS = 1.0

#: Seconds between two steps of the main thread, which handles signals only then: of two
#: that arrive together, the system may deliver the second to another thread, which does
#: not wake this one.
LISTEN_SECONDS = 0.2

#: Handlers that are left in place: an ignored signal stays ignored (SIGHUP by `nohup`,
#: SIGINT by `propload ... &` in a script), and one that was not set from Python could
#: not be restored.
_KEPT_HANDLERS = (signal.SIG_IGN, None)
#: Prefix of the module of handlers that the command line sets.
_OWN_MODULES = "propload."
_Handler = Callable[[int, "FrameType | None"], object] | int | None


class Execution(Protocol[T_co]):
    """Something that can be stopped: a run, or a check."""

    def execute(self) -> T_co:
        """Execute it, and return its result."""

    def stop(self) -> None:
        """Stop reading, and end with the rows already read."""

    def abort(self, error: BaseException, /) -> None:
        """End immediately."""


class Stopper:
    """Stops the current run, and lets no other begin afterwards.

    Attributes:
        stop_requested: Set once it was told to stop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: Execution[object] | None = None
        self.stop_requested = threading.Event()

    def execute(self, run: Execution[T], /) -> T:
        """Execute a run and return its result.

        Raises:
            PropLoadError: As in `Run.execute`.
            KeyboardInterrupt: It was told to stop before the run began.
        """
        with self._lock:
            if self.stop_requested.is_set():
                msg = "stopped before the run began"
                raise KeyboardInterrupt(msg)
            self._run = run
        try:
            return run.execute()
        finally:
            with self._lock:
                self._run = None

    def stop(self) -> None:
        """Stop reading; rows already read are still committed."""
        run = self._request_stop()
        if run is not None:
            run.stop()

    def abort(self, error: BaseException, /) -> None:
        """End immediately; uncommitted rows stay in the source or the journal."""
        run = self._request_stop()
        if run is not None:
            run.abort(error)

    def _request_stop(self) -> Execution[object] | None:
        """Let no further run begin; return the current one, if there is one."""
        with self._lock:
            self.stop_requested.set()
            return self._run


def run_stoppable(
    action: Callable[[Stopper], T],
    /,
    *,
    meanwhile: str = "what was read is still committed",
    stop: threading.Event | None = None,
) -> T:
    """Return what `action` returns; signals stop the runs that it executes.

    The first signal of `SIGNALS` lets a run commit the rows already read; the second
    ends it immediately. A handler that the program had set for them is called after
    the end. Only the main thread receives signals; in any other, `action` is just
    called.

    Args:
        action: Executes runs through the stopper that it is given.
        meanwhile: What the log says happens after the first signal.
        stop: An event that the program may set, in any thread, to do what a first
            signal does.

    Raises:
        KeyboardInterrupt: A second signal arrived. Its cause is the error that ended
            the run, with the report, if the run ended in time.
        LoadError: `stop` was set before anything was read.
    """
    stopper = Stopper()
    signals = _Signals(stopper, meanwhile)
    if stop is None:
        return _run_with_signals(signals, action, stopper)
    try:
        with _watch_event(stop, stopper):
            return _run_with_signals(signals, action, stopper)
    except KeyboardInterrupt as error:
        if signals.has_received or not stop.is_set():
            raise
        # KeyboardInterrupt would end more than the load: a server's loop, a thread pool
        msg = "it was stopped before anything was read"
        raise LoadError(msg) from error


def _run_with_signals(
    signals: _Signals, action: Callable[[Stopper], T], stopper: Stopper
) -> T:
    if threading.current_thread() is not threading.main_thread():
        return action(stopper)
    work = _Work(action, stopper)
    try:
        with short_interrupts(), signals.install():
            work.wait(signals.raise_if_repeated)
        return work.outcome()
    finally:
        signals.call_original_handlers()


@contextmanager
def _watch_event(stop: threading.Event, stopper: Stopper) -> Iterator[None]:
    """Within the block, stop the run once the program sets its event."""
    is_over = threading.Event()
    if stop.is_set():
        # a short load would be over before the thread checks the event
        stopper.stop()

    def watch() -> None:
        while not is_over.is_set():
            if stop.wait(LISTEN_SECONDS):
                stopper.stop()
                return

    start_thread(threading.Thread(target=watch, name="propload-stop", daemon=True))
    try:
        yield
    finally:
        # the thread ends by itself soon: no need to join it
        is_over.set()


def end_at_once(
    abort: Callable[[BaseException], None],
    error: BaseException,
    wait: Callable[[float], object],
    /,
) -> None:
    """End a load immediately, and wait up to `ABORT_SECONDS` for its end.

    The driver's call that cancels a statement does not return if the server does not
    answer. It is made in a thread of its own, so that the caller can still handle
    signals.

    Args:
        abort: Ends the load.
        error: Why it ends.
        wait: Waits the given number of seconds for the end; returns whether it came.
    """
    aborting = threading.Thread(
        target=abort, args=(error,), name="propload-abort", daemon=True
    )
    start_thread(aborting)
    if wait(ABORT_SECONDS):
        aborting.join(_ABORTING_SECONDS)
    else:
        log.warning("the load did not end within %g s: abandoned", ABORT_SECONDS)


class Latch:
    """A flag that work has ended; a signal handler may interrupt the wait for it.

    `threading.Event.wait` is Python code: if a handler raises between two of its
    instructions, its lock is left released, and the waiting thread gets a RuntimeError
    instead of the interrupt. Acquiring a lock is a single step.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._working = threading.Lock()
        self._working.acquire()

    def set(self) -> None:
        """Set the flag; call it only once."""
        self._is_set = True
        self._working.release()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most `seconds`; return whether it has come."""
        if not self._is_set and self._working.acquire(timeout=seconds):
            # wakes other waiting threads; after an interrupt just here they time out
            self._working.release()
        return self._is_set


class _Work(Generic[T]):
    """An action in a thread of its own, and its result."""

    def __init__(self, action: Callable[[Stopper], T], stopper: Stopper) -> None:
        self.ended = Latch()
        self._action = action
        self._stopper = stopper
        self._results: list[T] = []
        self._error: BaseException | None = None

    def wait(self, check: Callable[[], None], /) -> None:
        """Start the action and wait for its end; abort it if an exception is raised.

        The cause of that exception is then what the action raised when it ended, with
        the report of the run.

        Args:
            check: Called repeatedly; raises an exception to abort the action.
        """
        try:
            self._start()
            while not self.ended.wait(LISTEN_SECONDS):
                check()
        except BaseException as error:
            end_at_once(self._stopper.abort, error, self.ended.wait)
            raise error from self._error

    def outcome(self) -> T:
        """Return what the action returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _start(self) -> None:
        run = threading.Thread(
            target=in_context(self._run), name="propload-run", daemon=True
        )
        start_thread(run)

    def _run(self) -> None:
        try:
            self._results.append(self._action(self._stopper))
        except BaseException as error:  # noqa: BLE001 - raised by outcome()
            self._error = error
        finally:
            self.ended.set()


class _Signals:
    """Handles signals while a load runs: the first stops it, the second aborts it.

    Args:
        stopper: Stops the load.
        meanwhile: What the log says happens after the first signal.
    """

    def __init__(self, stopper: Stopper, meanwhile: str) -> None:
        self._stopper = stopper
        self._meanwhile = meanwhile
        self._received: list[int] = []
        self._original_handlers: dict[int, _Handler] = {}
        self._is_over = False

    @property
    def has_received(self) -> bool:
        """Whether a signal has arrived."""
        return bool(self._received)

    @contextmanager
    def install(self) -> Iterator[None]:
        """Within the block, handle signals in place of the handlers that are set."""
        try:
            for number in map(int, SIGNALS):
                handler = signal.getsignal(number)
                if handler not in _KEPT_HANDLERS:
                    # stored first: the signal may arrive as soon as the handler is set
                    self._original_handlers[number] = handler
                    signal.signal(number, self._handle)
            yield
        finally:
            # from here on a signal is only recorded for `call_original_handlers`:
            # nothing may keep the handlers from being restored
            self._is_over = True
            for number, handler in self._original_handlers.items():
                # a handler that the program has set meanwhile is kept
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, handler)

    def raise_if_repeated(self) -> None:
        """Raise if a second signal has arrived.

        The handler itself does not raise: it may run between two instructions of code
        that holds a lock, and would leave the lock in an inconsistent state.

        Raises:
            KeyboardInterrupt: A second signal has arrived.
        """
        if len(self._received) > 1:
            raise KeyboardInterrupt(signal.Signals(self._received[1]).name)

    def call_original_handlers(self) -> None:
        """Call the program's own handlers for the signals that arrived.

        They were not called before, so that what they raise, or do to end the program,
        comes after the load.
        """
        for number in self._received:
            handler = self._original_handlers[number]
            # called directly: raising the signal again would wake asyncio's loop twice
            if callable(handler) and _is_set_by_program(handler):
                handler(number, inspect.currentframe())

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        # another signal may arrive before this line, and then counts as the first
        self._received.append(number)
        if self._is_over:
            return
        name = signal.Signals(number).name
        if len(self._received) > 2:
            # a third signal does not even wait for the abort
            raise KeyboardInterrupt(name)
        if len(self._received) > 1:
            return
        # in a thread, as the interrupted code may hold the lock of a log handler
        threading.Thread(
            target=self._stop, args=(name,), name=f"propload-{name}", daemon=True
        ).start()

    def _stop(self, name: str) -> None:
        try:
            log.warning("%s: %s; a second one stops immediately", name, self._meanwhile)
        finally:
            # even if one of the program's log handlers raises
            self._stopper.stop()


def _is_set_by_program(handler: Callable[..., object]) -> bool:
    """Return whether a handler is neither Python's default nor the command line's.

    Those two raise KeyboardInterrupt, which is not needed: the load has ended already
    and reports that itself.
    """
    module = getattr(handler, "__module__", None) or ""
    is_own = module.startswith(_OWN_MODULES)
    return handler is not signal.default_int_handler and not is_own
