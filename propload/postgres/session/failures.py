"""Classify database errors: retry, look for bad rows, or stop.

The driver's exception classes do not suffice: a width mismatch (08P01) and a dead
connection are both an `OperationalError`. So the SQLSTATE decides or, if the server
could not send one, the driver's status.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from propload.errors import TableGoneError, TransientWriteError, WriteError
from propload.postgres.session.driver_errors import CANCELLED, ServerError
from propload.postgres.session.transaction_limit import TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.postgres.sql.shadow_names import ShadowNames

FailureKind = Literal["transient", "data", "permanent"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A classified error of the database.

    Attributes:
        kind: `transient` is worth a retry, `data` is caused by bad rows,
            `permanent` stops the run.
        sqlstate: The SQLSTATE, or None.
        message: The server's message, with its detail.
        line: The 1-based number of the bad row in the COPY, or None.
        column: The column that caused it, or None.
        constraint: The constraint that was violated, or None.
        reason: Why it is of this kind.
        primary: The server's message, without its detail.
    """

    kind: FailureKind
    sqlstate: str | None
    message: str
    line: int | None
    column: str | None
    constraint: str | None
    reason: str
    primary: str = ""


#: The server's code for a wrong binary format, which poolers use for all of their own
#: errors: a server that went away, a client that waited too long.
_WRONG_FORM = "08P01"
#: Why a statement was cancelled, and one thing to do about it.
_BY_TIMEOUT = "a user or statement_timeout cancelled it"
_WAITED = "see who holds what it waited for (pg_locks)"
#: Why the server ended a session in a transaction.
_BY_ITS_LENGTH = "the transaction took longer than transaction_timeout"
#: Mostly caused by rows; but event triggers may also refuse what propload creates.
_RAISED = "a function or trigger raised an error"
#: The code for a standby, or a session that may only read.
READ_ONLY = "25006"
#: The kind and reason of SQLSTATEs and of classes (two characters); a code's own entry
#: overrides that of its class.
_BY_SQLSTATE: Mapping[str, tuple[FailureKind, str]] = {
    # classes
    "08": ("transient", "the connection broke"),
    "22": ("data", "a value does not fit its type"),
    "23": ("data", "a row violates a constraint"),
    "25": ("permanent", "the transaction is in a state that does not allow it"),
    "28": ("permanent", "the server does not let this user in"),
    "40": ("transient", "the server undid the transaction in favour of another"),
    "42": ("permanent", "the statement does not fit the table, or a right is missing"),
    "26": ("permanent", "the session is not the one that prepared the statement"),
    "44": ("data", "a row is outside the view's condition"),
    "53": ("transient", "the server lacks memory, space or connections just now"),
    "54": ("permanent", "a limit of the server is exceeded"),
    "55": ("permanent", "the object is not in a state that allows it"),
    "57": ("transient", "the server was stopped or is restarting"),
    "58": ("permanent", "the server's own files or system failed"),
    "P0": ("data", _RAISED),
    "XX": ("permanent", "the server found a fault in itself or in what was sent"),
    "0A": ("permanent", "the server does not support it for this table"),
    # codes that differ from their class
    _WRONG_FORM: (
        "permanent",
        "values were sent in a form of another width than the column's type",
    ),
    "22P03": (
        "permanent",
        "values were sent in a form that the column's type does not read",
    ),
    "22P04": ("permanent", "the COPY stream is not of the expected form"),
    "22023": ("permanent", "an option has a value that the server does not take"),
    READ_ONLY: (
        "permanent",
        (
            "the server is read-only: if it is a standby, use the address of the "
            "primary (--to), or those of both with target_session_attrs=read-write; "
            "otherwise turn default_transaction_read_only off"
        ),
    ),
    "25P02": ("permanent", "a statement followed one that had failed"),
    "25P03": ("transient", "the session waited too long inside a transaction"),
    TOO_LONG: (
        "permanent",
        f"{_BY_ITS_LENGTH}: raise that, lower --batch-rows, or {_WAITED}",
    ),
    "40002": ("data", "a deferred constraint is violated"),
    "42501": ("permanent", "this user lacks a right"),
    "53400": (
        "permanent",
        (
            "a configured limit of the server is exceeded: raise it for this user, or "
            "lower --batch-rows"
        ),
    ),
    "54000": ("data", "a value is larger than the server's limit"),
    "55P03": ("transient", "a lock could not be obtained in time"),
    "55006": ("transient", "the object is in use by another session"),
    CANCELLED: (
        "permanent",
        f"{_BY_TIMEOUT}: raise that, lower --batch-rows, or {_WAITED}",
    ),
    "57P04": ("permanent", "the database was dropped"),
    "58030": ("transient", "the server could not read or write its disk just now"),
    "P0003": ("data", "a function or trigger met more than one row"),
    "21000": ("permanent", "one statement met a key twice"),
}
#: The kind and reason of the driver's statuses, for errors without a SQLSTATE.
_BY_STATUS: Mapping[str, tuple[FailureKind, str]] = {
    "IO": ("transient", "the connection is gone; the server sent no code"),
    "TIMEOUT": ("transient", "the server did not answer in time"),
    "CANCELLED": ("permanent", "the statement was cancelled here"),
    "NOT_FOUND": ("permanent", "the table is missing"),
    # the driver's status for a column that the table lacks
    "ALREADY_EXISTS": ("permanent", "the table lacks a column"),
    "NOT_IMPLEMENTED": ("permanent", "the driver cannot send a column of this type"),
    "INVALID_ARGUMENT": ("permanent", "the driver cannot send a column of this type"),
    "INTERNAL": ("permanent", "the driver failed"),
    "INVALID_STATE": ("permanent", "the connection is not in a state that allows it"),
}
#: The codes for a missing table and a missing privilege.
MISSING_TABLE, MISSING_RIGHT = "42P01", "42501"
#: The codes for a missing table and a missing namespace.
_MISSING = (MISSING_TABLE, "3F000")
#: How a missing object of the session itself is reported: a prepared statement, a
#: function or a temporary table.
_UNPREPARED, _MISSING_FUNCTION = "26000", "42883"
_OWN_TO_A_SESSION = re.compile(r'"pg_temp"|\bpg_temp\.propload_')
#: The codes that the server would give: the driver checks these itself, without a code.
_SQLSTATE_OF_STATUS: Mapping[str, str] = {
    "NOT_FOUND": MISSING_TABLE,
    "ALREADY_EXISTS": "42703",
}
#: The driver's message for a value that it could not encode. Like a broken connection,
#: this has status IO and no code, but then a reason follows the colon.
_ENCODING = re.compile(r"writing COPY data:?\s*$")
_BY_POOLER: tuple[FailureKind, str] = (
    "transient",
    "the pooler or the server ended the session",
)
#: What pgbouncer says to the first transaction as it ends the session.
_STATEMENTS_ONLY = "statement pooling mode"
_BY_MODE: tuple[FailureKind, str] = (
    "permanent",
    (
        "each batch is a transaction: use the address of the server itself, or of a "
        "pooler in session mode (--to)"
    ),
)
_UNKNOWN: tuple[FailureKind, str] = ("permanent", "the code is not known to propload")

#: The place of an error; a binary COPY shows no value after the column's name.
_PLACE = re.compile(r"^COPY .*?, line (\d+)(?:, column (.*))?$", re.MULTILINE)
_QUOTED_COLUMN = re.compile(r'column "((?:[^"]|"")+)"')


def classify(error: ServerError, /) -> Failure:
    """Return the classification of an error that `Connection` raised."""
    kind, reason = _kind_and_reason(error)
    place = _PLACE.search(error.context or "")
    return Failure(
        kind,
        error.sqlstate,
        ". ".join(filter(None, (error.primary, error.detail))),
        int(place[1]) if place else None,
        error.column or (place[2] if place else None) or _named_column(error.primary),
        error.constraint,
        reason,
        error.primary,
    )


def is_transient(error: WriteError, /) -> bool:
    """Return whether another attempt may succeed after this error."""
    if isinstance(error, ServerError):
        return classify(error).kind == "transient"
    return isinstance(error, TransientWriteError)


def as_write_error(
    error: ServerError,
    /,
    *,
    table: str,
    batch: int | None = None,
    shadow_names: ShadowNames | None = None,
    doing: str = "",
) -> WriteError:
    """Return the error to raise for a failure that was not caused by a row.

    Args:
        error: The database's error; raise the result from it.
        table: The qualified name of the table.
        batch: The batch's number, or None outside a batch.
        shadow_names: The target's names for the objects of its shadow, which the
            server's messages name.
        doing: What was being done, as a clause to follow "while", if it was not work on
            the rows of a batch: smaller batches would not shorten it.
    """
    failure = classify(error)
    sqlstate = failure.sqlstate or _SQLSTATE_OF_STATUS.get(error.status)
    if _is_other_session(error):
        return lost_session_error(table, batch=batch)
    if (
        shadow_names is not None
        and is_missing(error)
        and shadow_names.are_meant_by(str(error))
    ):
        return gathered_rows_gone_error(table, batch=batch, sqlstate=sqlstate)
    error_class = TransientWriteError if failure.kind == "transient" else WriteError
    code = f" [{failure.sqlstate}]" if failure.sqlstate else ""
    place = table if batch is None else f"batch {batch} into {table}"
    hint = f". Hint: {error.hint}" if error.hint else ""
    reason = _with_doing(failure.reason, doing or error.doing)
    text = f"{place}: {failure.message}{code} ({reason}){hint}"
    if shadow_names is not None:
        text = shadow_names.replace_in_text(text)
    return error_class(text, table=table, batch=batch, sqlstate=sqlstate)


def _with_doing(reason: str, doing: str) -> str:
    """Return a reason; for a timeout or a raised error, add what was being done."""
    if not doing:
        return reason
    for cause in (_BY_TIMEOUT, _BY_ITS_LENGTH):
        if reason.startswith(cause):
            return f"{cause} while {doing}: raise that for this user, or {_WAITED}"
    return f"{reason} while {doing}" if reason == _RAISED else reason


def lost_session_error(
    table: str | None = None, /, *, batch: int | None = None
) -> WriteError:
    """Return the error for a transaction that ran in a session with another token.

    Args:
        table: The qualified name of the table, or None if the caller adds it.
        batch: The batch's number, or None outside a batch.
    """
    msg = (
        "the transaction ran in a different session from the one that was opened, as "
        "happens with a pooler in transaction mode; nothing of it was written. Use "
        "the address of the server itself, or of a pooler in session mode (--to)"
    )
    return WriteError(msg, table=table, batch=batch)


def gathered_rows_gone_error(
    table: str, /, *, batch: int | None = None, sqlstate: str | None = None
) -> WriteError:
    """Return the error for a replace whose shadow is missing.

    Args:
        table: The qualified name of the table that was to be replaced.
        batch: The batch's number, or None outside a batch.
        sqlstate: The code by which the server reported it, or None.
    """
    place = "" if batch is None else f"batch {batch} into {table}: "
    msg = f"{place}the rows that this run had gathered for {table} are gone"
    return WriteError(msg, table=table, batch=batch, sqlstate=sqlstate, goes_on=False)


def table_gone_error(table: str, /, *, is_replace: bool) -> TableGoneError:
    """Return the error for a run whose table was dropped or renamed.

    Args:
        table: The qualified name of the table.
        is_replace: Whether its rows were to be replaced; none of the run's rows is lost
            then.
    """
    msg = f"table {table} is gone"
    if is_replace:
        msg += (
            ", so what this replace has gathered cannot be put in place: create the "
            "table again, or rename it back"
        )
    else:
        msg += ": it was dropped or renamed while rows were being loaded into it"
    return TableGoneError(msg, table=table, sqlstate=MISSING_TABLE)


def is_missing(error: ServerError, /) -> bool:
    """Return whether a table or its namespace was not found."""
    return error.sqlstate in _MISSING or error.status == "NOT_FOUND"


def _is_other_session(error: ServerError) -> bool:
    """Return whether an object of the session is missing, so it is another session."""
    if error.sqlstate == _UNPREPARED:
        return True
    missing = is_missing(error) or error.sqlstate == _MISSING_FUNCTION
    return missing and _OWN_TO_A_SESSION.search(error.primary) is not None


def _kind_and_reason(error: ServerError) -> tuple[FailureKind, str]:
    state = error.sqlstate
    if _STATEMENTS_ONLY in error.primary:
        return _BY_MODE
    if state == _WRONG_FORM and error.severity != "ERROR":
        return _BY_POOLER
    if state:
        return _BY_SQLSTATE.get(state) or _BY_SQLSTATE.get(state[:2]) or _UNKNOWN
    if _ENCODING.search(error.primary):
        return "data", "the driver could not write a value: out of its type's range"
    return _BY_STATUS.get(error.status, _UNKNOWN)


def _named_column(text: str) -> str | None:
    match = _QUOTED_COLUMN.search(text)
    return match[1].replace('""', '"') if match else None
