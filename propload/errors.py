"""Every exception that propload raises.

    PropLoadError                exit 1
    ├── ConfigError              2   bad option, DSN, flag or mapping file
    ├── SourceError              4   unreadable input, or empty where rows were expected
    │   └── BlockedError         5   the site refused the crawl
    ├── SchemaMismatchError      1   the rows as a whole do not fit the table
    ├── WriteError               1   the database refused; has table, batch, sqlstate
    │   ├── TableGoneError       1   dropped, renamed or recreated during the run
    │   └── TransientWriteError  1   worth a retry: connection, lock, space
    │       └── ConcurrentCreateError 1 the table must be inspected again (internal)
    ├── CountsError              1   the counts of a run do not add up
    ├── JournalError             1   the journal cannot be written or read
    ├── QueueClosedError         1   the other side of a queue stopped (internal)
    ├── OutputError              1   the output of a command cannot be written
    └── LoadError                1   a run stopped early; carries its report
        ├── RejectLimitError     3   more rows were rejected than the run allows
        ├── LockedError          75  another process has the table, run or journal
        │   a LoadError that is also an error of its cause's kind (`load_error_for`):
        ├── SourceLoadError            4
        ├── BlockedLoadError           5
        ├── ConfigLoadError            2
        ├── SchemaMismatchLoadError    1
        ├── WriteLoadError             1
        ├── TransientWriteLoadError    1
        ├── CountsLoadError            1
        └── JournalLoadError           1

The driver's or the operating system's error is always the `__cause__`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from propload.report import Report

#: A connection string with a password, even if given by mistake for something else; one
#: that was given as a path has lost one of its two slashes.
_ADDRESS = re.compile(r"\b(postgres(?:ql)?://?[^\s:@/]*:)\S*@", re.IGNORECASE)


def without_passwords(text: str, /) -> str:
    """Return a text with the password of each connection string replaced by `***`."""
    return _ADDRESS.sub(r"\1***@", text)


class PropLoadError(Exception):
    """The base class of all errors of propload; the message says what to do next."""

    exit_code: ClassVar[int] = 1

    def _render_traceback_(self) -> list[str]:
        """Return the traceback that IPython shows."""
        from propload.messages.tracebacks import own_lines  # noqa: PLC0415 - only in notebooks

        # to report a bug of propload itself, users need the whole traceback
        is_unknown = type(self) is LoadError and self.__cause__ is not None
        return own_lines(self, whole=is_unknown or isinstance(self, CountsError))


class ConfigError(PropLoadError):
    """An option, connection string, mapping or schema cannot be used."""

    exit_code = 2

    def __init__(self, message: str = "", /) -> None:
        # a quoted value may be a connection string that was given as something else
        super().__init__(without_passwords(message))


class SourceError(PropLoadError):
    """A source cannot be read.

    Args:
        message: What is wrong and what to do next.
        source: The source's name, or None if it has none.
        row: The 1-based number of the row at fault, or None.
    """

    exit_code = 4

    def __init__(
        self, message: str, *, source: str | None = None, row: int | None = None
    ) -> None:
        super().__init__(message)
        self.source = source
        self.row = row


class BlockedError(SourceError):
    """The site answered with a block page or a refusal, not with listings."""

    exit_code = 5


class SchemaMismatchError(PropLoadError):
    """Rows do not fit the table as a whole: none of them is written.

    Earlier rows that have other columns, such as those of another file, are loaded.
    """


class WriteError(PropLoadError):
    """The database refused a write.

    Args:
        message: What is wrong and what to do next.
        table: The qualified table, or None before one is known.
        batch: The batch number, or None outside a batch.
        sqlstate: The server's five-character code, or None if the
            connection died before the server could send one.
        goes_on: Whether the run can be resumed.
    """

    def __init__(
        self,
        message: str,
        *,
        table: str | None = None,
        batch: int | None = None,
        sqlstate: str | None = None,
        goes_on: bool = True,
    ) -> None:
        super().__init__(message)
        self.table = table
        self.batch = batch
        self.sqlstate = sqlstate
        self.goes_on = goes_on


class TableGoneError(WriteError):
    """The table that a run loads is gone, or another table has its name.

    The rows committed to it are gone too, unless it was only renamed.
    """


class TransientWriteError(WriteError):
    """The write may succeed if it is retried; only this kind of error is retried."""


class ConcurrentCreateError(TransientWriteError):
    """Another session has just created the table, which may differ from the plan."""


class CountsError(PropLoadError):
    """The counts of a run do not add up: a row is not accounted for."""


class JournalError(PropLoadError):
    """The journal cannot be written or read."""


class QueueClosedError(PropLoadError):
    """The other side of a queue stopped; `__cause__` says why.

    Args:
        message: What stopped.
        taken: How many rows of the call that raised it were taken before that; they
            are loaded or are in the journal.
    """

    def __init__(self, message: str = "", *, taken: int = 0) -> None:
        super().__init__(message)
        self.taken = taken


class OutputError(PropLoadError):
    """The output of a command cannot be written; what the command did is done."""


class LoadError(PropLoadError):
    """A run stopped before its source ended.

    Args:
        message: What is wrong and how to continue.
        report: What was loaded before that, or None if no run began.
        exit_code: The exit code of the process, if the cause has its own.
    """

    def __init__(
        self,
        message: str,
        *,
        report: Report | None = None,
        exit_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.report = report
        if exit_code is not None:
            self.exit_code = exit_code  # type: ignore[misc] # for this instance


class RejectLimitError(LoadError):
    """More rows were rejected than `max_rejects` allows."""

    exit_code = 3


class LockedError(LoadError):
    """Another process holds a lock that this one needs.

    It is the lock of a table, a run, its rejected rows, a journal or a crawl's folder.
    """

    exit_code = 75


class SourceLoadError(LoadError, SourceError):
    """A run stopped because its source cannot be read to its end."""


class BlockedLoadError(LoadError, BlockedError):
    """A run stopped because the site refused the crawl."""


class SchemaMismatchLoadError(LoadError, SchemaMismatchError):
    """A run stopped because rows do not fit the table as a whole."""


class WriteLoadError(LoadError, WriteError):
    """A run stopped because the database refused a write."""


class TransientWriteLoadError(LoadError, TransientWriteError):
    """A run stopped because all retries of a write failed."""


class CountsLoadError(LoadError, CountsError):
    """A run stopped because its counts do not add up."""


class JournalLoadError(LoadError, JournalError):
    """A run stopped because of its journal."""


class ConfigLoadError(LoadError, ConfigError):
    """Nothing can be pushed, because the run could not begin with its settings."""


#: The LoadError for each kind of error that can end a run; module-level classes,
#: because errors are pickled and sent between processes.
_LOAD_ERRORS: dict[type, type[LoadError]] = {
    SourceError: SourceLoadError,
    BlockedError: BlockedLoadError,
    SchemaMismatchError: SchemaMismatchLoadError,
    WriteError: WriteLoadError,
    TransientWriteError: TransientWriteLoadError,
    CountsError: CountsLoadError,
    JournalError: JournalLoadError,
    ConfigError: ConfigLoadError,
    RejectLimitError: RejectLimitError,
    LockedError: LockedError,
}


def load_error_for(
    cause: BaseException, message: str, /, *, report: Report | None = None
) -> LoadError:
    """Return a LoadError that can be caught as an error of its cause's kind as well.

    Args:
        cause: What ended the run.
        message: What is wrong and how to continue.
        report: What was loaded before that, or None if no run began.
    """
    matching = (
        _LOAD_ERRORS[kind] for kind in type(cause).__mro__ if kind in _LOAD_ERRORS
    )
    code = getattr(cause, "exit_code", None)
    error = next(matching, LoadError)(message, report=report, exit_code=code)
    # where it happened, and whether the run can be resumed
    for name in ("table", "batch", "sqlstate", "goes_on", "source", "row"):
        if name in vars(cause):
            setattr(error, name, vars(cause)[name])
    return error
