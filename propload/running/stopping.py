"""Signals end a load cleanly: it works in a thread of its own, the main one listens.

Python tells of a signal between two steps of the main thread only. A main thread
that waits in a driver's call would hear of it late, or break that call off.
"""

from __future__ import annotations

import contextvars
import inspect
import logging
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from propload.errors import LoadError
from propload.process.early_signals import SIGNALS
from propload.process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

log = logging.getLogger(__name__)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: The longest that a load may take to end at once, in seconds: a statement is broken
#: off and a batch prepared within it. What does not answer is left behind.
ABORT_SECONDS = 10.0
#: The thread that ends a load looks five times a second whether it has ended, unless
#: the driver keeps it; nobody waits long for that.
_ABORTING_SECONDS = 1.0

#: Seconds between two steps of the main thread, which hears a signal only then: of two
#: that come at once, the system may give the second one to another thread.
LISTEN_SECONDS = 0.2

#: What is ignored (`nohup` ignores SIGHUP, a shell's `propload ... &` in a script
#: SIGINT) stays so, and a handler that was not set from Python could not be put back.
_NOT_OURS = (signal.SIG_IGN, None)
#: How the module of a handler begins that the command line has set.
_OURS = "propload."
_Handler = Callable[[int, "FrameType | None"], object] | int | None


class Execution(Protocol[T_co]):
    """What can be told to stop: a run, or a check."""

    def execute(self) -> T_co:
        """Do it, and return what happened."""

    def stop(self) -> None:
        """Read no more, and end with what was read."""

    def abort(self, error: BaseException, /) -> None:
        """End at once."""


class Stopper:
    """Stops the run that goes on, and lets none begin after it.

    Attributes:
        told: Set when it was told to stop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: Execution[object] | None = None
        self.told = threading.Event()

    def execute(self, run: Execution[T], /) -> T:
        """Return what happened in a run.

        Raises:
            PropLoadError: As `Run.execute`.
            KeyboardInterrupt: It was told to stop before the run began.
        """
        with self._lock:
            if self.told.is_set():
                msg = "stopped before the run began"
                raise KeyboardInterrupt(msg)
            self._run = run
        try:
            return run.execute()
        finally:
            with self._lock:
                self._run = None

    def stop(self) -> None:
        """Read no more; what was read is committed."""
        run = self._tell()
        if run is not None:
            run.stop()

    def abort(self, error: BaseException, /) -> None:
        """End at once; what is not committed stays in the source or the journal."""
        run = self._tell()
        if run is not None:
            run.abort(error)

    def _tell(self) -> Execution[object] | None:
        """Let no run begin any more; return the one that goes on, if there is one."""
        with self._lock:
            self.told.set()
            return self._run


def stoppable(
    action: Callable[[Stopper], T],
    /,
    *,
    meanwhile: str = "what was read is still committed",
    stop: threading.Event | None = None,
) -> T:
    """Return what `action` returns; signals stop the runs that it executes.

    The first of `SIGNALS` lets a run commit what was read, the second one ends it at
    once. A handler that the program had set for them is called after the end. Only the
    main thread hears signals: in others `action` is just called.

    Args:
        action: Executes runs by the stopper that it is given.
        meanwhile: What is told to happen after the first signal.
        stop: Does in any thread what a first signal does, once the program sets it.

    Raises:
        KeyboardInterrupt: A second signal came. Its cause is what ended the run, with
            the report, where that came in time.
        LoadError: `stop` was set before anything was read.
    """
    stopper = Stopper()
    signals = _Signals(stopper, meanwhile)
    if stop is None:
        return _stopped_by(signals, action, stopper)
    try:
        with _heeding(stop, stopper):
            return _stopped_by(signals, action, stopper)
    except KeyboardInterrupt as error:
        if signals.has_heard or not stop.is_set():
            raise
        # an interrupt would end more than the load: a server's loop, a thread's pool
        msg = "it was stopped before anything was read"
        raise LoadError(msg) from error


def _stopped_by(
    signals: _Signals, action: Callable[[Stopper], T], stopper: Stopper
) -> T:
    if threading.current_thread() is not threading.main_thread():
        return action(stopper)
    work = _Work(action, stopper)
    try:
        with signals.heard():
            work.wait(signals.look)
        return work.outcome()
    finally:
        signals.hand_on()


@contextmanager
def _heeding(stop: threading.Event, stopper: Stopper) -> Iterator[None]:
    """Stop what goes on in the block once the program has set its own event."""
    over = threading.Event()
    if stop.is_set():
        # a short load would be over before the thread looks
        stopper.stop()

    def heed() -> None:
        while not over.is_set():
            if stop.wait(LISTEN_SECONDS):
                stopper.stop()
                return

    start_thread(threading.Thread(target=heed, name="propload-stop", daemon=True))
    try:
        yield
    finally:
        # it ends soon, and nobody waits for it
        over.set()


def end_at_once(
    abort: Callable[[BaseException], None],
    error: BaseException,
    wait: Callable[[float], object],
    /,
) -> None:
    """End a load at once, and wait for the end as long as that may take.

    A driver's call that breaks off a statement does not return where the server does
    not answer: a thread of its own makes it, so that the caller still hears signals.

    Args:
        abort: Tells the load to end.
        error: Why.
        wait: Waits so many seconds for the end, and returns whether it came.
    """
    aborting = threading.Thread(
        target=abort, args=(error,), name="propload-abort", daemon=True
    )
    start_thread(aborting)
    if wait(ABORT_SECONDS):
        aborting.join(_ABORTING_SECONDS)
    else:
        log.warning("the load did not end within %g s: abandoned", ABORT_SECONDS)


class Ended:
    """Whether work has ended, for a thread that a signal may interrupt in its wait.

    An event waits by steps of Python: a handler that raises between two of them leaves
    its lock unlocked, and the thread gets a RuntimeError in place of the interrupt. A
    lock is waited for in one step.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._working = threading.Lock()
        self._working.acquire()

    def set(self) -> None:
        """Tell, once, that it has ended."""
        self._is_set = True
        self._working.release()

    def wait(self, seconds: float) -> bool:
        """Return whether it has ended, as soon as it has or after so many seconds."""
        if not self._is_set and self._working.acquire(timeout=seconds):
            # for other threads that wait; if an interrupt keeps it, they wait on
            self._working.release()
        return self._is_set


class _Work(Generic[T]):
    """An action in a thread of its own, and what came of it."""

    def __init__(self, action: Callable[[Stopper], T], stopper: Stopper) -> None:
        self.ended = Ended()
        self._action = action
        self._stopper = stopper
        self._results: list[T] = []
        self._error: BaseException | None = None

    def wait(self, look: Callable[[], None], /) -> None:
        """Begin, and wait for the end; what is raised meanwhile ends it at once.

        Its cause is then what the action raised at its end, with the report of the run.

        Args:
            look: Called again and again; raises what ends it.
        """
        try:
            self._start()
            while not self.ended.wait(LISTEN_SECONDS):
                look()
        except BaseException as error:
            end_at_once(self._stopper.abort, error, self.ended.wait)
            raise error from self._error

    def outcome(self) -> T:
        """Return what the action returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _start(self) -> None:
        # what the caller has set for its own context holds here as well
        context = contextvars.copy_context()
        run = threading.Thread(
            target=context.run, args=(self._run,), name="propload-run", daemon=True
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
    """Hears signals while a load works: the first one stops it, the second one ends it.

    Args:
        stopper: Stops the load.
        meanwhile: What is told to happen after the first signal.
    """

    def __init__(self, stopper: Stopper, meanwhile: str) -> None:
        self._stopper = stopper
        self._meanwhile = meanwhile
        self._heard: list[int] = []
        self._before: dict[int, _Handler] = {}
        self._is_over = False

    @property
    def has_heard(self) -> bool:
        """Whether one came."""
        return bool(self._heard)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear them in the block, in place of the handlers that are set."""
        try:
            for number in map(int, SIGNALS):
                handler = signal.getsignal(number)
                if handler not in _NOT_OURS:
                    # known first: the signal may come at once
                    self._before[number] = handler
                    signal.signal(number, self._hear)
            yield
        finally:
            # a signal from here on is handed on, and keeps no handler from its place
            self._is_over = True
            for number, handler in self._before.items():
                # one that the program has set meanwhile stays
                if signal.getsignal(number) == self._hear:
                    signal.signal(number, handler)

    def look(self) -> None:
        """Look whether a second one came.

        Its handler does not raise that: it may come between two steps of a lock, which
        would be left as nobody may find it.

        Raises:
            KeyboardInterrupt: It came.
        """
        if len(self._heard) > 1:
            raise KeyboardInterrupt(signal.Signals(self._heard[1]).name)

    def hand_on(self) -> None:
        """Call the program's own handlers of what was heard, as nobody has yet.

        What they do to end the program comes after the load, and so does what they
        raise.
        """
        for number in self._heard:
            handler = self._before[number]
            # the signal itself again would wake asyncio's loop a second time
            if callable(handler) and _is_the_programs(handler):
                handler(number, inspect.currentframe())

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        # the next signal may come before this line, and then counts as the first
        self._heard.append(number)
        if self._is_over:
            return
        name = signal.Signals(number).name
        if len(self._heard) > 2:
            # whoever insists does not wait for the end either
            raise KeyboardInterrupt(name)
        if len(self._heard) > 1:
            return
        # a log or a lock may be in use by the step that the signal came between
        threading.Thread(
            target=self._stop, args=(name,), name=f"propload-{name}", daemon=True
        ).start()

    def _stop(self, name: str) -> None:
        try:
            log.warning("%s: %s; a second one stops immediately", name, self._meanwhile)
        finally:
            # whatever the program's own handlers of logs raise
            self._stopper.stop()


def _is_the_programs(handler: Callable[..., object]) -> bool:
    """Whether a handler is neither Python's own nor that of our command line.

    These raise KeyboardInterrupt, where a load has told its end by itself.
    """
    module = getattr(handler, "__module__", None) or ""
    return handler is not signal.default_int_handler and not module.startswith(_OURS)
