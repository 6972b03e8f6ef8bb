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


def _never_suspended() -> bool:
    return False


def _ignore_retry(_error: TransientWriteError, _wait: float) -> None:
    """Ignore a retry, which is logged anyway."""


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """How often and how long to retry.

    Attributes:
        attempts: Most attempts, including the first one.
        seconds: Longest time from the first attempt to the last, in seconds.
        limits_suspended: Called after each failure: while it returns true, the limits
            do not apply; once it returns false, they count from the beginning. A run
            with a journal suspends the limits while its source produces rows.
        table: The table of the run, named in the log: a process may load several.
    """

    attempts: int
    seconds: float
    limits_suspended: Callable[[], bool] = _never_suspended
    table: str = ""

    @classmethod
    def of(
        cls,
        options: RunOptions,
        limits_suspended: Callable[[], bool] = _never_suspended,
        /,
        *,
        table: str = "",
    ) -> Self:
        """Return how often and how long a run retries one transaction.

        Args:
            options: The options of the run.
            limits_suspended: Called after each failure, as above.
            table: As above.
        """
        attempts, seconds = options.retry_attempts, options.retry_seconds
        return cls(attempts, seconds, limits_suspended, table)

    def label(self, part: str, /) -> str:
        """Return a part of the run as the log names it, with the table if it is known.

        Args:
            part: The part, such as a batch.
        """
        return f"{self.table}, {part}" if self.table else part


def backoff(attempt: int) -> float:
    """Return the longest wait in seconds after the given attempt, counted from 1."""
    # the exponent is bounded so that it cannot overflow
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempt - 1, 20)))


class _Retrier:
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
        self._name = options.label(name)
        self._on_retry = on_retry
        self._attempt = 0
        self._cause = ""
        self._was_suspended = False
        self._reset_limits()

    def _reset_limits(self) -> None:
        self._failures = 0
        self._deadline = time.monotonic() + self._options.seconds

    def wait_to_retry(self, error: TransientWriteError) -> bool:
        """Return whether to retry, after waiting for it; a stop ends the wait."""
        self._attempt += 1
        if self._stop.is_set():
            return False
        # full jitter, so that writers that failed together do not retry together
        wait = random.uniform(0, backoff(self._attempt))  # noqa: S311 - not a secret
        suspended = self._options.limits_suspended()
        if suspended or self._was_suspended:
            # when a suspension has just ended, the limits count from this failure on
            self._reset_limits()
        self._was_suspended = suspended
        if not suspended and self._exceeds_limits(wait):
            return False
        self._log_failure(str(error), wait)
        self._on_retry(error, wait)
        return not self._stop.wait(wait)

    def _log_failure(self, cause: str, wait: float) -> None:
        # a server that is away gives each lane the same long text a dozen times
        shown = "as before" if cause == self._cause else cause
        self._cause = cause
        log.warning(
            "%s: attempt %d failed, next in %.1f s: %s",
            self._name,
            self._attempt,
            wait,
            shown,
        )

    def log_success(self) -> None:
        """Log a success, if there were failures before it."""
        if self._attempt:
            log.info("%s: attempt %d succeeded", self._name, self._attempt + 1)

    def _exceeds_limits(self, wait: float) -> bool:
        self._failures += 1
        late = time.monotonic() + wait > self._deadline
        return late or self._failures >= self._options.attempts


def retry(
    action: Callable[[], T],
    /,
    options: RetryOptions,
    *,
    stop: threading.Event,
    name: str,
    on_retry: Callable[[TransientWriteError, float], None] = _ignore_retry,
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
    retrier = _Retrier(options, stop, name, on_retry)
    while True:
        try:
            result = action()
        except TransientWriteError as error:
            if not retrier.wait_to_retry(error):
                raise
        else:
            retrier.log_success()
            return result
