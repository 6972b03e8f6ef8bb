"""Retries with exponential backoff and full jitter."""

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

#: The first wait is at most this many seconds, enough for most locks and deadlocks.
FIRST_WAIT = 0.1
#: No wait is longer than this many seconds, so that a server's return is soon noticed.
LONGEST_WAIT = 15.0


def _impatient() -> bool:
    return False


def _unheard(_error: TransientWriteError, _wait: float) -> None:
    """Ignore a retry, which is logged anyway."""


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """How often and how long to retry.

    Attributes:
        attempts: Most attempts, including the first one.
        seconds: Longest time from the first attempt to the last, in seconds.
        patience: Called after each failure: while it returns true, the limits do not
            apply; once it returns false, they count from the beginning. A run with a
            journal is patient while its source produces rows.
    """

    attempts: int
    seconds: float
    patience: Callable[[], bool] = _impatient

    @classmethod
    def of(
        cls, options: RunOptions, patience: Callable[[], bool] = _impatient, /
    ) -> Self:
        """Return how often and how long a run retries one transaction.

        Args:
            options: The options of the run.
            patience: Called after each failure, as above.
        """
        return cls(options.retry_attempts, options.retry_seconds, patience)


def backoff(attempt: int) -> float:
    """Return the longest wait in seconds after the given attempt, counted from 1."""
    # the exponent is bounded so that it cannot overflow
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempt - 1, 20)))


class _Waiting:
    """Decides whether to retry, and waits for it unless the stop is set."""

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
        """Return whether to retry, after waiting for it; a stop ends the wait."""
        self._attempt += 1
        if self._stop.is_set():
            return False
        # full jitter, so that writers that failed together do not retry together
        wait = random.uniform(0, backoff(self._attempt))  # noqa: S311 - not a secret
        patient = self._options.patience()
        if patient or self._was_patient:
            # when patience has just ended, the limits count from this failure on
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
        """Log a success, if there were failures before it."""
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
    """Return what `action` returns, retrying it after a `TransientWriteError`.

    Args:
        action: What to try.
        options: How often and how long.
        stop: Ends the retries once it is set; the last error is then raised.
        name: The name of the action in the log.
        on_retry: Called before each wait with the error and the seconds to wait.

    Raises:
        TransientWriteError: The last one, if the attempts or seconds are used up.
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
