"""Turn the driver's errors into `ServerError`, field by field."""

from __future__ import annotations

import re

from propload.errors import WriteError
from propload.postgres.session.dsn import hide_secrets
from propload.postgres.session.transaction_limit import TOO_LONG, TransactionLimit
from propload.postgres.sql.quoting import name

#: The SQLSTATE of a statement that a user or a timeout cancelled.
CANCELLED = "57014"


class ServerError(WriteError):
    """An error of the server or the driver about a statement, field by field.

    Attributes:
        status: The driver's status: `IO`, `INTEGRITY`, `NOT_FOUND`, ...
        primary: The server's message alone.
        severity: `ERROR`, or `FATAL` if it ended the session; empty if it is not known,
            as for a pooler's own errors.
        detail: Its detail line, or None; it may quote the row.
        context: Where it happened, as in `COPY t, line 3, column c`; to be parsed but
            not shown, because secrets are not hidden in it.
        constraint: The constraint's name, or None.
        column: The column's name, or None.
        hint: The server's hint, or None.
        doing: What was being done, as a clause to follow "while", if it was not work on
            the rows of a batch; for messages.
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


#: Fields in which secrets are not hidden, as they name objects of the database. If a
#: password is also a table's name, hiding it would remove the line or the constraint
#: that the search for bad rows needs.
_NAME_FIELDS = frozenset({"context", "constraint", "column"})
#: The driver's own messages for a table that does not exist, and for a column that the
#: table lacks; they come without the server's fields.
_NO_TABLE = re.compile(
    r"NOT_FOUND: .*?Failed to execute query '.*?':\s+[^:\n]+:\s+([^\n]+)", re.DOTALL
)
_NO_COLUMN = re.compile(
    r'ALREADY_EXISTS: .*?Column "(.*)" does not exist in target table ".*"', re.DOTALL
)
#: The query, values included, in the driver's message for a broken connection.
_QUERY = re.compile(r"(?<=Failed to execute query) '.*'(?=:)", re.DOTALL)
#: What follows the server's message when it ends the session: the context, with
#: statements and their values, and libpq's message about the closed connection.
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


def server_error(
    error: Exception, dsn: str, limit: TransactionLimit | None = None, /
) -> ServerError:
    """Return a driver's error as a `ServerError`, with secrets hidden.

    Args:
        error: The driver's or Arrow's error.
        dsn: The connection string, whose secrets are hidden.
        limit: How long the session's transactions may take, if that is known.
    """
    # hidden before blanks are collapsed, as a secret may have several
    said = _error_message(hide_secrets(str(error), dsn))
    text = " ".join(said.split())
    fields = {
        _FIELDS[_text(key)]: _text(value)
        for key, value in getattr(error, "details", None) or []
        if _text(key) in _FIELDS
    }
    safe_fields = {field: hide_secrets(value, dsn) for field, value in fields.items()}
    primary = safe_fields.pop("primary", text)
    parts = (primary, safe_fields.get("detail"), safe_fields.get("context"))
    message = ". ".join(part.rstrip(".") for part in parts if part)
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is None and limit and limit.is_behind(said):
        sqlstate = TOO_LONG
    result = ServerError(message, sqlstate=sqlstate)
    result.primary = primary
    result.status = getattr(getattr(error, "status_code", None), "name", "UNKNOWN")
    for field, value in safe_fields.items():
        setattr(result, field, fields[field] if field in _NAME_FIELDS else value)
    return result


def _error_message(text: str) -> str:
    """Return the text of a driver's error, without the queries that it quotes."""
    message = text.partition("\n\nQuery was:")[0]
    if match := _NO_TABLE.match(message):
        return match[1]
    if match := _NO_COLUMN.match(message):
        return f"column {name(match[1])} does not exist"
    return _AFTERWARDS.sub(r"\1", _QUERY.sub("", message))


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
