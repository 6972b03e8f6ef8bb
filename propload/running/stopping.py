"""Signals end a load cleanly: it works in a thread of its own, the main one listens.

Python tells of a signal between two steps of the main thread only. A main thread
that waits in a driver's call would hear of it late, or break that call off.
"""

from __future__ import annotations

import contextvars
import logging
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

log = logging.getLogger(__name__)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: The longest that a load may take to end at once, in seconds: a statement is broken
#: off and a batch prepared within it. What does not answer is left behind.
ABORT_SECONDS = 10.0

#: Seconds between two steps of the main thread, which hears a signal only then: of two
#: that come at once, the system may give the second one to another thread.
LISTEN_SECONDS = 0.2

#: What asks a load to end: Ctrl-C, a service manager, a terminal that is closed.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: What is ignored (`nohup` ignores SIGHUP, a shell's `propload ... &` in a script
#: SIGINT) stays so, and a handler that was not set from Python could not be put back.
_NOT_OURS = (signal.SIG_IGN, None)


class Stoppable(Protocol[T_co]):
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
        stopped: Whether it was told to stop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: Stoppable[object] | None = None
        self.stopped = False

    def execute(self, run: Stoppable[T], /) -> T:
        """Return what happened in a run.

        Raises:
            PropLoadError: As `Run.execute`.
            KeyboardInterrupt: It was told to stop before the run began.
        """
        with self._lock:
            if self.stopped:
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
        with self._lock:
            self.stopped = True
            run = self._run
        if run is not None:
            run.stop()

    def abort(self, error: BaseException, /) -> None:
        """End at once; what is not committed stays in the source or the journal."""
        with self._lock:
            self.stopped = True
            run = self._run
        if run is not None:
            run.abort(error)


def stoppable(
    action: Callable[[Stopper], T],
    /,
    *,
    meanwhile: str = "what was read is still committed",
) -> T:
    """Return what `action` returns; signals stop the runs that it executes.

    The first of `SIGNALS` lets a run commit what was read, the second one ends it at
    once. Only the main thread hears signals: in others `action` is just called.

    Args:
        action: Executes runs by the stopper that it is given.
        meanwhile: What is told to happen after the first signal.

    Raises:
        KeyboardInterrupt: A second signal came.
    """
    stopper = Stopper()
    if threading.current_thread() is not threading.main_thread():
        return action(stopper)
    work = _Work(action, stopper)
    with _signals_heard(stopper, meanwhile):
        try:
            work.start()
            while not work.ended.wait(LISTEN_SECONDS):
                continue
        except BaseException as error:
            work.abort(error)
            raise
    return work.outcome()


class _Work(Generic[T]):
    """An action in a thread of its own, and what came of it."""

    def __init__(self, action: Callable[[Stopper], T], stopper: Stopper) -> None:
        self.ended = threading.Event()
        self._action = action
        self._stopper = stopper
        self._results: list[T] = []
        self._error: BaseException | None = None

    def start(self) -> None:
        # what the caller has set for its own context holds here as well
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(self._run,), name="propload-run", daemon=True
        ).start()

    def abort(self, error: BaseException) -> None:
        """End at once, and wait for the end as long as that may take."""
        threading.Thread(
            target=self._stopper.abort,
            args=(error,),
            name="propload-abort",
            daemon=True,
        ).start()
        if not self.ended.wait(ABORT_SECONDS):
            log.warning("the load did not end within %g s: left behind", ABORT_SECONDS)

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._action(self._stopper))
        except BaseException as error:  # noqa: BLE001 - raised by outcome()
            self._error = error
        finally:
            self.ended.set()


@contextmanager
def _signals_heard(stopper: Stopper, meanwhile: str) -> Iterator[None]:
    """Let the first signal stop the load, and the second interrupt it."""

    def stop(name: str) -> None:
        log.warning("%s: %s; a second one ends at once", name, meanwhile)
        stopper.stop()

    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        # the next signal may come before this line, and then counts as the first
        heard.append(number)
        name = signal.Signals(number).name
        if len(heard) > 1:
            raise KeyboardInterrupt(name)
        # a log or a lock may be in use by the step that the signal came between
        threading.Thread(
            target=stop, args=(name,), name=f"propload-{name}", daemon=True
        ).start()

    before = {
        number: signal.signal(number, hear)
        for number in SIGNALS
        if signal.getsignal(number) not in _NOT_OURS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
