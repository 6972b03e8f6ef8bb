"""Advisory locks, named by a text."""

from __future__ import annotations

from propload.postgres.sql.quoting import text

#: The longest time in milliseconds that the server takes as a limit.
_MAX_WAIT_MS = 2**31 - 1
#: The keys of the advisory locks that sessions of this database hold.
HELD_KEYS = """
SELECT classid::int8 << 32 | objid::int8 FROM pg_catalog.pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND database = (
    SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"""


def take(subject: str, /) -> str:
    """Return the query that takes a lock for the session; it returns false if held.

    It also turns off the session's `idle_session_timeout`: while the source is slow,
    the session is idle, and the server would otherwise end it and release the lock.
    """
    no_timeout = "set_config('idle_session_timeout', '0', false)"
    return f"SELECT pg_try_advisory_lock({_key(subject)}), {no_timeout}"


def take_for_transaction(subject: str, /) -> str:
    """Return the query that waits for a lock and holds it for the transaction."""
    return f"SELECT pg_advisory_xact_lock({_key(subject)})::text"


def take_shared(subject: str, /) -> str:
    """Return the call that takes a lock in shared mode until the transaction ends."""
    return f"pg_advisory_xact_lock_shared({_key(subject)})"


def release(subject: str, /) -> str:
    """Return the query that releases a lock of the session."""
    return f"SELECT pg_advisory_unlock({_key(subject)})"


def limit_wait(seconds: float, /) -> str:
    """Return the statement that limits how long this transaction waits for a lock."""
    # 0 would mean no limit, and the server refuses more than 2³¹ - 1 ms (24 days)
    wait_ms = min(max(round(seconds * 1000), 1), _MAX_WAIT_MS)
    return f"SET LOCAL lock_timeout = {wait_ms}"


def key_expression(kind: str, column: str, /) -> str:
    """Return the expression of a lock's key, for locks named by a column's value.

    Args:
        kind: What the lock's name begins with.
        column: The expression of the rest of its name.
    """
    return f"hashtextextended({text(f'propload:{kind}:')} || {column}, 0)"


def _key(subject: str) -> str:
    return f"hashtextextended({text('propload:' + subject)}, 0)"
