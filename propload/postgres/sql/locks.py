"""Advisory locks: named by a text, held by a session until it gives them back."""

from __future__ import annotations

from propload.postgres.sql.quoting import text

#: The most milliseconds that the server waits with a limit.
_LONGEST_WAIT = 2**31 - 1
#: The numbers of the advisory locks that sessions of this database hold.
HELD = """
SELECT classid::int8 << 32 | objid::int8 FROM pg_catalog.pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND database = (
    SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"""


def take(subject: str, /) -> str:
    """Return the query that takes a lock, or answers false where it is held.

    A session that waits with a lock while its source is slow is not one that somebody
    has left open: a limit for those would end it, and the lock with it.
    """
    kept = "set_config('idle_session_timeout', '0', false)"
    return f"SELECT pg_try_advisory_lock({_number(subject)}), {kept}"


def wait_for(subject: str, /) -> str:
    """Return the query that waits for a lock."""
    return f"SELECT pg_advisory_lock({_number(subject)})::text"


def pass_through(subject: str, /) -> str:
    """Return the query that waits for a lock, and has it until its transaction ends."""
    return f"SELECT pg_advisory_xact_lock({_number(subject)})::text"


def share(subject: str, /) -> str:
    """Return the call that shares a lock until its transaction ends."""
    return f"pg_advisory_xact_lock_shared({_number(subject)})"


def release(subject: str, /) -> str:
    """Return the query that gives a lock back."""
    return f"SELECT pg_advisory_unlock({_number(subject)})"


def limit_wait(seconds: float, /) -> str:
    """Return the statement that limits waits of this transaction."""
    # 0 would mean no limit, and the server refuses more than 24 days
    wait = min(max(round(seconds * 1000), 1), _LONGEST_WAIT)
    return f"SET LOCAL lock_timeout = {wait}"


def number_of(kind: str, column: str, /) -> str:
    """Return the number of the lock that a kind and the value of a column name."""
    return f"hashtextextended({text(f'propload:{kind}:')} || {column}, 0)"


def _number(subject: str) -> str:
    return f"hashtextextended({text('propload:' + subject)}, 0)"
