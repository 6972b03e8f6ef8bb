"""Advisory locks: named by a text, held by a session until it gives them back."""

from __future__ import annotations

from propload.postgres.sql.quoting import text


def take(subject: str, /) -> str:
    """Return the query that takes a lock, or answers false where it is held."""
    return f"SELECT pg_try_advisory_lock({_number(subject)})"


def wait_for(subject: str, /) -> str:
    """Return the query that waits for a lock."""
    return f"SELECT pg_advisory_lock({_number(subject)})::text"


def share(subject: str, /) -> str:
    """Return the call that shares a lock until its transaction ends."""
    return f"pg_advisory_xact_lock_shared({_number(subject)})"


def release(subject: str, /) -> str:
    """Return the query that gives a lock back."""
    return f"SELECT pg_advisory_unlock({_number(subject)})"


def limit_wait(seconds: float, /) -> str:
    """Return the statement that limits waits of this transaction."""
    # 0 would mean no limit
    return f"SET LOCAL lock_timeout = {max(round(seconds * 1000), 1)}"


def _number(subject: str) -> str:
    return f"hashtextextended({text('propload:' + subject)}, 0)"
