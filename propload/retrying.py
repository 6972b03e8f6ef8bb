"""Trying again what may succeed: exponential backoff with full jitter."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from propload.errors import TransientWriteError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from propload.options import RunOptions

log = logging.getLogger(__name__)
T = TypeVar("T")

#: The first wait is at most this many seconds: a lock or a deadlock is gone by then.
FIRST_WAIT = 0.1
#: No wait is longer than this many seconds: a server that came back is soon noticed.
LONGEST_WAIT = 15.0


def _impatient() -> bool:
    return False


def _unheard(_error: TransientWriteError, _wait: float) -> None:
    """Hear of a retry, and do nothing: the log tells of it."""


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """How long to try.

    Attributes:
        attempts: Most attempts, the first one included.
        seconds: Longest time from the first attempt to the last, in seconds.
        patience: Asked after each failure: while it is true the limits do not
            count, and then they count anew. A run with a journal is patient
            while its source goes on.
    """

    attempts: int
    seconds: float
    patience: Callable[[], bool] = _impatient

    @classmethod
    def of(
        cls, options: RunOptions, patience: Callable[[], bool] = _impatient, /
    ) -> Self:
        """Return how long a run tries one transaction.

        Args:
            options: Those of the run.
            patience: Asked after each failure, as above.
        """
        return cls(options.retry_attempts, options.retry_seconds, patience)


def backoff(attempt: int) -> float:
    """Return the longest wait in seconds after the given attempt, counted from 1."""
    # 2**20 times the first wait is far beyond the longest one: no overflow
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempt - 1, 20)))


class _Waiting:
    """Decides whether to try again, and waits where the stop can wake it."""

    def __init__(
        self,
        options: RetryOptions,
        stop: threading.Event,
        name: str,
        on_retry: Callable[[TransientWriteError, float], None],
    ) -> None:
        self._options = options
        self._stop = stop
        self._name = name
        self._on_retry = on_retry
        self._attempt = 0
        self._was_patient = False
        self._renew()

    def _renew(self) -> None:
        self._counted = 0
        self._deadline = time.monotonic() + self._options.seconds

    def goes_on(self, error: TransientWriteError) -> bool:
        """Return whether to try again, after the wait; a stop ends it."""
        self._attempt += 1
        if self._stop.is_set():
            return False
        # full jitter: writers that failed together do not come back together
        wait = random.uniform(0, backoff(self._attempt))  # noqa: S311 - not a secret
        patient = self._options.patience()
        if patient or self._was_patient:
            # the wait that patience ended in says nothing about the time from then on
            self._renew()
        self._was_patient = patient
        if not patient and self._is_used_up(wait):
            return False
        log.warning(
            "%s: attempt %d failed, next in %.1f s: %s",
            self._name,
            self._attempt,
            wait,
            error,
        )
        self._on_retry(error, wait)
        return not self._stop.wait(wait)

    def tell_end(self) -> None:
        """Log that what had failed has come through."""
        if self._attempt:
            log.info("%s: attempt %d succeeded", self._name, self._attempt + 1)

    def _is_used_up(self, wait: float) -> bool:
        self._counted += 1
        late = time.monotonic() + wait > self._deadline
        return late or self._counted >= self._options.attempts


def retry(
    action: Callable[[], T],
    /,
    options: RetryOptions,
    *,
    stop: threading.Event,
    name: str,
    on_retry: Callable[[TransientWriteError, float], None] = _unheard,
) -> T:
    """Return what `action` returns, trying again after a `TransientWriteError`.

    Args:
        action: What to try.
        options: How often and how long.
        stop: Set it to end the waiting; the last error is then raised.
        name: What is tried, for the log.
        on_retry: Called before each wait with the error and the seconds.

    Raises:
        TransientWriteError: The last one, when the attempts or seconds are used up.
    """
    waiting = _Waiting(options, stop, name, on_retry)
    while True:
        try:
            result = action()
        except TransientWriteError as error:
            if not waiting.goes_on(error):
                raise
        else:
            waiting.tell_end()
            return result
