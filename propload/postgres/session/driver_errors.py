"""What the driver's errors say, field by field, and what a reader does about them."""

from __future__ import annotations

import re
from pathlib import Path

from propload.errors import ConfigError, TransientWriteError, WriteError
from propload.options import OTHER_SESSIONS, WORKERS
from propload.postgres.server.spool import spool_of
from propload.postgres.session.dsn import describe_dsn, hide_secrets, parse_dsn
from propload.postgres.sql.quoting import name

#: A statement that somebody, or the server's clock, has ended.
CANCELLED = "57014"
#: Codes of a server that lacks a file or may not read it.
_OF_FILES = ("58", "42501")
#: How the text of a failed connection begins to be sorted; there is no SQLSTATE.
_REFUSALS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("local user with ID", "look up local user"), "unnamed"),
    (("password authentication failed", "no password supplied"), "password"),
    # the name of the file is the same in whatever language the server speaks
    (("pg_hba.conf", "authentication failed"), "entry"),
    (("permission denied for database",), "right"),
    (("no such database",), "database"),  # pgbouncer's words
    (('database "', "does not exist"), "database"),
    (('role "', "does not exist"), "role"),
    (("not permitted to log in",), "login"),
    (("Name or service not known", "nodename nor", "No address assoc"), "host"),
    (("definition of service", "service file"), "service"),
    (("channel binding", "authentication method requirement"), "way"),
    (
        (
            "certificate",
            "private key file",
            "SSL error",
            "does not support SSL",
            "weak sslmode",
        ),
        "encryption",
    ),
    (("invalid ", "unterminated", "missing ", " in URI", "could not match"), "string"),
)
_ADVICE = {
    "unnamed": "this process's user has no name on this machine: name a user of the "
    "server in the connection string (postgresql://USER@HOST/DATABASE), or set PGUSER",
    "password": "the user or the password is wrong: check them in the connection "
    "string, PGPASSWORD or the password file",
    "entry": "the server does not let this user in from here: see its pg_hba.conf",
    "right": "the user may not connect to it: GRANT CONNECT ON DATABASE to the user",
    "database": "that database does not exist: create it, or correct its name",
    "role": "that user does not exist: create it, or correct its name",
    "login": "that role may not log in: ALTER ROLE ... LOGIN, or use another user",
    "host": "no such host is known: check its name",
    "service": "the service file lacks that service: check its name and PGSERVICEFILE",
    "way": "the server does not ask for the password as the connection string demands: "
    "check require_auth, channel_binding and sslmode, also in variables PG...",
    "encryption": "the encrypted connection failed: check sslmode and sslrootcert, and "
    "sslcert and sslkey if the server asks for a certificate",
    "string": "the connection string is wrong, or a variable PG... beside it",
    "full": "it takes no more connections: let others end, or give fewer --workers",
    "closed": "the server lets nobody into that database: wait until it is open again "
    "(ALTER DATABASE ... ALLOW_CONNECTIONS true)",
    "timeout": "statement_timeout ends even the queries by which a session begins: "
    "raise it where it is set: in the connection string, PGOPTIONS, or for this user "
    "(ALTER ROLE ... SET statement_timeout)",
    "kind": "no server is of the kind that target_session_attrs (PGTARGETSESSIONATTRS) "
    "asks for: wait until one is, or ask for another",
    "refused": "the server answers, and does not let this session in: see what it says",
    "away": "is the server running?",
    "stopped": "it is an embedded database, which does not run: propload db start "
    "(with the --state-dir of this command, if it has one) starts it",
}
#: What pgbouncer says as it ends a session of which nothing was done yet, and what is
#: to be done.
_BY_POOLER = {
    "query_wait_timeout": "The pooler had no session of the server left for it: a run "
    "takes one a worker and two more, one for --lock and one for a replace. Let the "
    "pool have more (its pool_size), or give fewer --workers",
}
#: Words of a server, role or database that has as many connections as it may.
_FULL = ("too many clients", "too many connections", "connection slots are reserved")
#: What they say of a limit that was given to a role or a database alone.
_LIMITED = re.compile(r'too many connections for (role|database) "(.+?)"(?:$|\s)')
#: What else is wrong for a while, by how the server or libpq says it.
_NOW = (
    (_FULL, "full"),
    (("not currently accepting connections",), "closed"),
    # what the driver asks of the catalog before a session can be used
    ((f"SQLSTATE: {CANCELLED}",), "timeout"),
    (("hot standby mode", "session is read-only", "session is not read"), "kind"),
)
#: How an answer begins that ends a session, in most languages that a server speaks.
_ANSWERED = "FATAL:"
#: What is wrong for a while only where the same string has led to the server before. A
#: balancer without a server answers with words of its own, or of another protocol, and
#: a service file may be out of reach.
_OUTAGES = frozenset({"host", "encryption", "service", "string"})
_ALL_NEEDED = frozenset({'database "', 'role "'})


class ServerError(WriteError):
    """What the server or the driver said about a statement, field by field.

    Attributes:
        status: The driver's status, `IO`, `INTEGRITY`, `NOT_FOUND`, ...
        primary: The server's message alone.
        severity: `ERROR`, or `FATAL` where it ended the session; empty where that was
            not told, as by a pooler that speaks for itself.
        detail: Its detail line, or None; it may quote the row.
        context: Where it happened, as in `COPY t, line 3, column c`; to be read, not
            to be shown: secrets are not hidden in it.
        constraint: The constraint's name, or None.
        column: The column's name, or None.
        hint: The server's hint, or None.
        doing: What was done meanwhile, as a sentence without its end, where that was
            no work on the rows of a batch; for messages.
    """

    status: str = "UNKNOWN"
    primary: str = ""
    severity: str = ""
    detail: str | None = None
    context: str | None = None
    constraint: str | None = None
    column: str | None = None
    hint: str | None = None
    doing: str = ""


#: What the server names here is its own structure: a password that is also a table's
#: name would hide the line or the constraint that the search for bad rows goes by.
_NAMES = frozenset({"context", "constraint", "column"})
#: What the driver says where the query by which it looks at a table finds none, and
#: where the table lacks a column that is to be copied; without the server's fields.
_NO_TABLE = re.compile(
    r"NOT_FOUND: .*?Failed to execute query '.*?':\s+[^:\n]+:\s+([^\n]+)", re.DOTALL
)
_NO_COLUMN = re.compile(
    r'ALREADY_EXISTS: .*?Column "(.*)" does not exist in target table ".*"', re.DOTALL
)
#: What the driver says of a line that broke: the whole query, values included.
_QUERY = re.compile(r"(?<=Failed to execute query) '.*'(?=:)", re.DOTALL)
#: What follows the word by which the server has ended the session: where it was, with
#: its statements and their values, and that libpq wonders why the line is gone.
_AFTERWARDS = re.compile(
    r"(FATAL: [^\n]*(?:\n(?:DETAIL|HINT): [^\n]*)*)\n.*", re.DOTALL
)
_FIELDS = {
    "PG_DIAG_MESSAGE_PRIMARY": "primary",
    "PG_DIAG_SEVERITY_NONLOCALIZED": "severity",
    "PG_DIAG_MESSAGE_DETAIL": "detail",
    "PG_DIAG_MESSAGE_HINT": "hint",
    "PG_DIAG_CONTEXT": "context",
    "PG_DIAG_CONSTRAINT_NAME": "constraint",
    "PG_DIAG_COLUMN_NAME": "column",
}


def server_error(error: Exception, dsn: str, /) -> ServerError:
    """Return what a driver's error says, without secrets.

    Args:
        error: The driver's or Arrow's error.
        dsn: The connection string, whose secrets are hidden.
    """
    # hidden first: a secret may hold blanks, of which the text keeps one
    text = " ".join(_said(hide_secrets(str(error), dsn)).split())
    found = {
        _FIELDS[_text(key)]: _text(value)
        for key, value in getattr(error, "details", None) or []
        if _text(key) in _FIELDS
    }
    told = {field: hide_secrets(value, dsn) for field, value in found.items()}
    primary = told.pop("primary", text)
    parts = (primary, told.get("detail"), told.get("context"))
    message = ". ".join(part.rstrip(".") for part in parts if part)
    made = ServerError(message, sqlstate=getattr(error, "sqlstate", None))
    made.primary = primary
    made.status = getattr(getattr(error, "status_code", None), "name", "UNKNOWN")
    for field, value in told.items():
        setattr(made, field, found[field] if field in _NAMES else value)
    return made


def is_about_files(error: ServerError, /) -> bool:
    """Return whether the server could not read a file that it was told to read."""
    return (error.sqlstate or "").startswith(_OF_FILES)


def _said(text: str) -> str:
    """Return what a driver's error says, without the queries that it asked."""
    said = text.partition("\n\nQuery was:")[0]
    if found := _NO_TABLE.match(said):
        return found[1]
    if found := _NO_COLUMN.match(said):
        return f"column {name(found[1])} does not exist"
    return _AFTERWARDS.sub(r"\1", _QUERY.sub("", said))


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def connect_error(
    error: Exception, dsn: str, /, *, again: bool = False
) -> WriteError | ConfigError:
    """Return why there is no connection, and what to do about it.

    Args:
        error: The driver's error, which will be the cause: it loses its secrets too, as
            tracebacks show it.
        dsn: The connection string, whose secrets are hidden.
        again: Whether it has led to the server before, so that a host that is not
            known, a line that cannot be encrypted, or an answer that makes no sense,
            is an outage, and a user that is not let in was until then.
    """
    error.args = tuple(hide_secrets(str(one), dsn) for one in error.args)
    said = str(error).partition("Failed to connect:")
    text = " ".join((said[2] or said[0]).split())
    place = describe_dsn(dsn)
    for words, cause in _REFUSALS:
        needed = all if words[0] in _ALL_NEEDED else any
        if again and cause in _OUTAGES:
            continue
        if needed(word in text for word in words):
            told = f"{_ADVICE[cause]} ({text})"
            if again:
                # the settings were right when the run began
                return WriteError(f"cannot connect to {place} any more: {told}")
            return ConfigError(f"cannot connect to {place}: {told}")
    msg = f"cannot reach {place} now: {_advice_for_now(text, dsn)} ({text})"
    return TransientWriteError(msg, sqlstate=getattr(error, "sqlstate", None))


def _advice_for_now(text: str, dsn: str) -> str:
    """Return what is done where there is no connection just now."""
    if found := _LIMITED.search(text):
        # fewer workers are of no use where there is too little for one
        kind, limited = found[1], name(found[2])
        return (
            f"the {kind} has all the connections that it may have: let others end, or "
            f"raise its limit. A run takes {OTHER_SESSIONS} and one for each of its "
            "--workers, one more with --lock, and one more to replace: "
            f"ALTER {kind.upper()} {limited} CONNECTION LIMIT "
            f"{WORKERS + OTHER_SESSIONS} is enough for one run of {WORKERS} workers "
            "without these"
        )
    causes = (cause for words, cause in _NOW if any(word in text for word in words))
    away = "stopped" if _is_embedded(dsn) else "away"
    return _ADVICE[next(causes, "refused" if _ANSWERED in text else away)]


def _is_embedded(dsn: str) -> bool:
    """Return whether a string leads to a server that propload runs, or has run."""
    try:
        host = parse_dsn(dsn).get("host", "")
    except ConfigError:
        return False
    return host.startswith("/") and spool_of(Path(host)).is_dir()


def lost_at_once(error: ServerError, place: str, /) -> TransientWriteError:
    """Return why a session was lost before anything was asked, and what to do about it.

    Args:
        error: What the server, or a pooler, said.
        place: Host and database.
    """
    if error.sqlstate == CANCELLED:
        msg = f"cannot reach {place} now: {_ADVICE['timeout']} ({error})"
        return TransientWriteError(msg, sqlstate=CANCELLED)
    asked = [advice for words, advice in _BY_POOLER.items() if words in error.primary]
    told = f"{place}: the session was lost as it began: {error}"
    return TransientWriteError(". ".join([told, *asked]), sqlstate=error.sqlstate)
