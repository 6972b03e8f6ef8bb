"""Recognize that the server ended a session because its transaction took too long.

The driver does not hand on the code of that (25P04), and the server's words depend on
its language (`lc_messages`). What is left is the time.
"""

from __future__ import annotations

import re
import time

#: The code for a transaction that took longer than `transaction_timeout`.
TOO_LONG = "25P04"
#: How an error of the server begins, in any language: FATAL:  and what it is. libpq's
#: own words about a lost connection have no such beginning.
_SAID_BY_SERVER = re.compile(r":  \S")


class TransactionLimit:
    """Measures the transactions of a session against `transaction_timeout`.

    Args:
        seconds: The setting; 0 if there is no limit.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._began = time.monotonic()

    def begin(self) -> None:
        """Note that a transaction begins."""
        self._began = time.monotonic()

    def is_behind(self, message: str, /) -> bool:
        """Return whether a session was ended because of its transaction's length.

        Args:
            message: The driver's message about the lost session, without the query.
        """
        took = time.monotonic() - self._began
        return 0 < self._seconds <= took and bool(_SAID_BY_SERVER.search(message))
