"""Measure what a server has left for a run, and how far away it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from propload.postgres.sql.sessions import CONNECTIONS, PING

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection

#: An answer that takes longer than this is slow because of the network: one measurement
#: is enough.
SLOW_ANSWER_SECONDS = 0.02
#: How many answers are timed at most: a busy machine may delay one of them.
MAX_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class ServerCapacity:
    """What a server has left for a run, and how far away it is.

    Attributes:
        connections: How many connections this user may have at the same time.
        free_connections: How many of them are not in use now.
        round_trip_seconds: How long the server takes to answer.
        limit_statement: The statement, without its number, that sets the limit of the
            role or database that leaves this user the fewest connections; empty if that
            is the server's own limit.
    """

    connections: int
    free_connections: int
    round_trip_seconds: float
    limit_statement: str = ""

    @classmethod
    def of(cls, session: Connection, /) -> Self:
        """Return the capacity of a session's server.

        Raises:
            ServerError: The connection is gone.
        """
        most, free, limit_statement = session.ask(CONNECTIONS)[0]
        seconds = round_trip_seconds(session)
        return cls(int(most), int(free), seconds, limit_statement)

    def how_to_raise(self, connections: int) -> str:
        """Return what to do to allow this user so many connections, for messages."""
        if self.limit_statement:
            return f"{self.limit_statement} {connections}"
        return f"let the server take {connections} of its users (max_connections)"


def round_trip_seconds(session: Connection, /) -> float:
    """Return how long the server takes to answer, in seconds.

    Raises:
        ServerError: The connection is gone.
    """
    times: list[float] = []
    while len(times) < MAX_ANSWERS and max(times, default=0.0) < SLOW_ANSWER_SECONDS:
        start = time.perf_counter()
        session.ask(PING)
        times.append(time.perf_counter() - start)
    return min(times)
