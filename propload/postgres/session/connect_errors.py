"""Explain why a connection failed, and what the reader can do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from propload.errors import ConfigError, TransientWriteError, WriteError
from propload.options import OTHER_SESSIONS, WORKERS
from propload.postgres.server.spool import spool_of
from propload.postgres.session.driver_errors import CANCELLED
from propload.postgres.session.dsn import describe_dsn, hide_secrets, parse_dsn
from propload.postgres.sql.quoting import name

if TYPE_CHECKING:
    from propload.postgres.session.driver_errors import ServerError


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why a connection failed, found by its message: the driver gives no SQLSTATE.

    Attributes:
        pattern: The pattern of the message of the server or libpq.
        advice: What to do about it.
        is_outage: Whether it is only temporary if the same string has led to the server
            before. A load balancer without a server answers with its own messages, or
            in another protocol, and a service file may be temporarily unavailable.
    """

    pattern: str
    advice: str
    is_outage: bool = False


#: Faults of the string, the user or the database; the first that matches applies.
_REFUSALS = (
    _Cause(
        "local user with ID|look up local user",
        "this process's user has no name on this machine: name a user of the server in "
        "the connection string (postgresql://USER@HOST/DATABASE), or set PGUSER",
    ),
    _Cause(
        "password authentication failed|no password supplied",
        "the user or the password is wrong: check them in the connection string, "
        "PGPASSWORD or the password file",
    ),
    _Cause(
        # the file's name is the same in every language of the server
        r"pg_hba\.conf|authentication failed",
        "the server does not let this user in from here: see its pg_hba.conf",
    ),
    _Cause(
        "permission denied for database",
        "the user may not connect to it: GRANT CONNECT ON DATABASE to the user",
    ),
    _Cause(
        # the first alternative is pgbouncer's message
        'no such database|database ".*does not exist',
        "that database does not exist: create it, or correct its name",
    ),
    _Cause(
        'role ".*does not exist',
        "that user does not exist: create it, or correct its name",
    ),
    _Cause(
        "not permitted to log in",
        "that role may not log in: ALTER ROLE ... LOGIN, or use another user",
    ),
    _Cause(
        "Name or service not known|nodename nor|No address assoc",
        "no such host is known: check its name",
        is_outage=True,
    ),
    _Cause(
        "definition of service|service file",
        "the service file lacks that service: check its name and PGSERVICEFILE",
        is_outage=True,
    ),
    _Cause(
        "channel binding|authentication method requirement",
        "the server does not ask for the password as the connection string demands: "
        "check require_auth, channel_binding and sslmode, also in PG... variables",
    ),
    _Cause(
        "certificate verify failed",
        "the server's certificate is not trusted: it has expired, or no authority in "
        "sslrootcert has signed it (with sslrootcert=system, of those in /etc/ssl or, "
        "if it is set, in the file SSL_CERT_FILE)",
        is_outage=True,
    ),
    _Cause(
        "does not match host name",
        "the server's certificate is for another host: give the name that it is for, "
        "or sslmode=verify-ca, which does not compare names",
        is_outage=True,
    ),
    _Cause(
        "private key file",
        "the key of the client's certificate cannot be used: check sslcert and sslkey, "
        "and sslpassword if a password protects the key",
        is_outage=True,
    ),
    _Cause(
        "certificate|SSL error|does not support SSL|weak sslmode",
        "the encrypted connection failed: check sslmode and sslrootcert, and sslcert "
        "and sslkey if the server asks for a certificate",
        is_outage=True,
    ),
    _Cause(
        "invalid |unterminated|missing | in URI|could not match",
        "the connection string is wrong, or a PG... variable is",
        is_outage=True,
    ),
)
_BY_TIME_LIMIT = (
    "statement_timeout ends even the queries that begin a session: raise it where "
    "it is set: in the connection string, PGOPTIONS, or for this user (ALTER ROLE ... "
    "SET statement_timeout)"
)
#: Temporary faults. The last one matches how messages that end a session begin, in most
#: languages of the server.
_TEMPORARY = (
    _Cause(
        "too many clients|too many connections|connection slots are reserved",
        "it accepts no more connections: let others end, or use fewer --workers",
    ),
    _Cause(
        "not currently accepting connections",
        "nobody may connect to that database now: wait until it is open again "
        "(ALTER DATABASE ... ALLOW_CONNECTIONS true)",
    ),
    # the driver queries the catalog before a session can be used
    _Cause(f"SQLSTATE: {CANCELLED}", _BY_TIME_LIMIT),
    _Cause(
        "hot standby mode|session is read-only|session is not read",
        "no server is of the kind that target_session_attrs (PGTARGETSESSIONATTRS) "
        "asks for: wait until one is, or ask for another",
    ),
    _Cause(
        "FATAL:",
        "the server answers, but refuses this session: see what it says",
    ),
)
_IF_UNREACHABLE = "is the server running?"
_IF_EMBEDDED = (
    "it is an embedded database that is not running: propload db start (with the "
    "--state-dir of this command, if it has one) starts it"
)
#: The server's message for the connection limit of a role or a database.
_LIMITED = re.compile(r'too many connections for (role|database) "(.+?)"(?:$|\s)')
#: What pgbouncer says when it ends a session that has not been used yet, and what to do
#: about it.
_BY_POOLER = {
    "query_wait_timeout": "The pooler had no server session left for it: a run "
    "takes one for each worker and two more, one for --lock and one for a replace. "
    "Give the pool more (its pool_size), or use fewer --workers",
}


def connect_error(
    error: Exception, dsn: str, /, *, reconnect: bool = False
) -> WriteError | ConfigError:
    """Return the error that says why a connection failed and what to do about it.

    Args:
        error: The driver's error. Its secrets are hidden in place, as it will be the
            cause and tracebacks show it.
        dsn: The connection string, whose secrets are hidden.
        reconnect: Whether the string has led to the server before. An unknown host, a
            failed encryption or a senseless answer is then an outage, and a user who is
            refused was admitted before.
    """
    error.args = tuple(hide_secrets(str(arg), dsn) for arg in error.args)
    parts = str(error).partition("Failed to connect:")
    text = " ".join((parts[2] or parts[0]).split())
    place = describe_dsn(dsn)
    for cause in _REFUSALS:
        if (reconnect and cause.is_outage) or not re.search(cause.pattern, text):
            continue
        explanation = f"{cause.advice} ({text})"
        if reconnect:
            # the settings were right when the run began
            return WriteError(f"can no longer connect to {place}: {explanation}")
        return ConfigError(f"cannot connect to {place}: {explanation}")
    msg = f"cannot reach {place} now: {_advice_for_now(text, dsn)} ({text})"
    return TransientWriteError(msg, sqlstate=getattr(error, "sqlstate", None))


def _advice_for_now(text: str, dsn: str) -> str:
    """Return what to do about a connection that is not available now."""
    if match := _LIMITED.search(text):
        # fewer workers do not help if the limit is too low even for one
        kind, limited_object = match[1], name(match[2])
        return (
            f"the {kind} has reached its connection limit: wait until others end, "
            f"or raise it. A run takes {OTHER_SESSIONS} and one for each of its "
            "--workers, one more with --lock, and one more to replace: "
            f"ALTER {kind.upper()} {limited_object} CONNECTION LIMIT "
            f"{WORKERS + OTHER_SESSIONS} is enough for one run of {WORKERS} workers "
            "without these"
        )
    for cause in _TEMPORARY:
        if re.search(cause.pattern, text):
            return cause.advice
    return _IF_EMBEDDED if _is_embedded(dsn) else _IF_UNREACHABLE


def _is_embedded(dsn: str) -> bool:
    """Return whether a string leads to a server that propload runs or has run."""
    try:
        host = parse_dsn(dsn).get("host", "")
    except ConfigError:
        return False
    return host.startswith("/") and spool_of(Path(host)).is_dir()


def lost_at_once_error(error: ServerError, place: str, /) -> TransientWriteError:
    """Return the error for a session that was lost while it was being opened.

    Args:
        error: The error of the server, or of a pooler.
        place: Host and database.
    """
    if error.sqlstate == CANCELLED:
        msg = f"cannot reach {place} now: {_BY_TIME_LIMIT} ({error})"
        return TransientWriteError(msg, sqlstate=CANCELLED)
    advice = [advice for words, advice in _BY_POOLER.items() if words in error.primary]
    message = f"{place}: the session was lost as it began: {error}"
    return TransientWriteError(". ".join([message, *advice]), sqlstate=error.sqlstate)
