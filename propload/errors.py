"""Every exception that propload raises.

    PropLoadError                exit 1
    ├── ConfigError              2   bad option, DSN, flag or mapping file
    ├── SourceError              4   unreadable input, or empty where rows were expected
    │   └── BlockedError         5   the site refused the crawl
    ├── SchemaMismatchError      1   the rows as a whole do not fit the table
    ├── WriteError               1   the database refused; has table, batch, sqlstate
    │   ├── TableGoneError       1   dropped, renamed or made again meanwhile
    │   └── TransientWriteError  1   worth a retry: connection, lock, space
    │       └── MadeMeanwhileError 1 the table is to be looked at anew (internal)
    ├── CountsError              1   the counts of a run do not add up
    ├── JournalError             1   the journal cannot be written or read
    ├── QueueClosedError         1   the other side of a queue stopped (internal)
    ├── OutputError              1   what a command tells cannot be written
    └── LoadError                1   a run stopped early; carries its report
        ├── RejectLimitError     3   more rows were rejected than the run allows
        ├── LockedError          75  another process has the table, run or journal
        │   what ends a run is an error of its own kind as well (`stopped`):
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

#: A connection string with a password, wherever one was given by mistake; where a path
#: was asked for, one slash of it is left.
_ADDRESS = re.compile(r"\b(postgres(?:ql)?://?[^\s:@/]*:)\S*@", re.IGNORECASE)


def without_passwords(text: str, /) -> str:
    """Return a text in which each connection string has `***` for its password."""
    return _ADDRESS.sub(r"\1***@", text)


class PropLoadError(Exception):
    """The base of every error of propload; its message says what to do next."""

    exit_code: ClassVar[int] = 1

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows of it."""
        from propload.messages.tracebacks import own_lines  # noqa: PLC0415 - in notebooks alone

        # the calls that led to a fault of propload's own are what its report needs
        is_unknown = type(self) is LoadError and self.__cause__ is not None
        return own_lines(self, whole=is_unknown or isinstance(self, CountsError))


class ConfigError(PropLoadError):
    """An option, connection string, mapping or schema cannot be used."""

    exit_code = 2

    def __init__(self, message: str = "", /) -> None:
        # what is quoted may be a connection string that was given as something else
        super().__init__(without_passwords(message))


class SourceError(PropLoadError):
    """A source cannot be read.

    Args:
        message: What is wrong and what to do next.
        source: The source's name, or None where it has none.
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

    Rows of other columns that came before them, as of an earlier file, are loaded.
    """


class WriteError(PropLoadError):
    """The database refused a write.

    Args:
        message: What is wrong and what to do next.
        table: The qualified table, or None before one is known.
        batch: The batch number, or None outside a batch.
        sqlstate: The server's five-character code, or None where the
            connection died before the server could send one.
        goes_on: Whether its run can be continued.
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
    """The table that rows of a run went into is gone, or another one has its name.

    What was committed there is gone with it, unless it was only renamed.
    """


class TransientWriteError(WriteError):
    """The write may succeed when it is tried again; the only kind retried."""


class MadeMeanwhileError(TransientWriteError):
    """Somebody else has just made the table, which may be unlike the planned one."""


class CountsError(PropLoadError):
    """The counts of a run do not add up: a row is not accounted for."""


class JournalError(PropLoadError):
    """The journal cannot be written or read."""


class QueueClosedError(PropLoadError):
    """The other side of a queue stopped; `__cause__` says why.

    Args:
        message: What stopped.
        taken: How many rows of the call that met it were taken before, which are
            loaded or wait in the journal.
    """

    def __init__(self, message: str = "", *, taken: int = 0) -> None:
        super().__init__(message)
        self.taken = taken


class OutputError(PropLoadError):
    """What a command has to tell cannot be written; what it did is done."""


class LoadError(PropLoadError):
    """A run stopped before its source ended.

    Args:
        message: What is wrong and how to continue.
        report: What was loaded until then, or None where nothing was begun.
        exit_code: What the process should exit with, where the cause has its own.
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
            self.exit_code = exit_code  # type: ignore[misc] # this error's own


class RejectLimitError(LoadError):
    """More rows were rejected than `max_rejects` allows."""

    exit_code = 3


class LockedError(LoadError):
    """Another process has what this one needs.

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
    """A run stopped because a write was tried again in vain."""


class CountsLoadError(LoadError, CountsError):
    """A run stopped because its counts do not add up."""


class JournalLoadError(LoadError, JournalError):
    """A run stopped because of its journal."""


class ConfigLoadError(LoadError, ConfigError):
    """Nothing can be pushed, because the run could not begin as it was told to."""


#: What ends a run for a reason that has a kind of its own. Classes of a module, as
#: errors are sent between processes.
_STOPPED_BY: dict[type, type[LoadError]] = {
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


def stopped(
    cause: BaseException, message: str, /, *, report: Report | None = None
) -> LoadError:
    """Return a LoadError that can be caught as an error of its cause's kind as well.

    Args:
        cause: What ended the run.
        message: What is wrong and how to continue.
        report: What was loaded until then, or None where nothing was begun.
    """
    known = (_STOPPED_BY[kind] for kind in type(cause).__mro__ if kind in _STOPPED_BY)
    code = getattr(cause, "exit_code", None)
    error = next(known, LoadError)(message, report=report, exit_code=code)
    # where it happened, and whether its run can be continued
    for name in ("table", "batch", "sqlstate", "goes_on", "source", "row"):
        if name in vars(cause):
            setattr(error, name, vars(cause)[name])
    return error
