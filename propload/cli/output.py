"""What a command prints and where: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from propload.cli.exit_codes import code_of
from propload.cli.flags import Group, switch
from propload.cli.help_format import OUTPUT_PANEL
from propload.cli.signals import settle, terminable
from propload.cli.streams import patient_stdout
from propload.config.files import load_config
from propload.errors import LoadError, OutputError, PropLoadError
from propload.messages.wording import hanging, visible, visible_json
from propload.process.early_signals import INTERRUPTED, MOMENT
from propload.process.threads import NO_MORE_THREADS, is_refusal
from propload.state.state_folder import not_ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Protocol

    from propload.options import Settings
    from propload.report import Plain, Report, Status

    class Reported(Protocol):
        """A report: text for people, JSON for programs."""

        def to_json(self) -> str:
            """Return it as one JSON object."""


#: Answers that let a question pass.
_YES = frozenset({"y", "yes"})


@dataclass(frozen=True, slots=True)
class Screen:
    """How a command speaks.

    Attributes:
        as_json: Whether stdout holds JSON and nothing else.
        quiet: Whether only results and errors are shown.
        verbose: Whether each step is told.
        debug: Whether an error shows where it came from.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False

    def show(self, report: Reported) -> None:
        """Print a report on stdout."""
        if self.as_json:
            self.print(visible_json(report.to_json()))
            return
        from propload.display import print_report  # noqa: PLC0415 - needs rich

        with patient_stdout():
            print_report(report)

    @contextmanager
    def after_runs(self, reports: Sequence[Report], /) -> Iterator[None]:
        """Tell where their reports are that stdout does not take, and go on.

        A program that reads the exit code would otherwise load again what is loaded.
        For the same reason the first signal from here on is ignored; a second one ends
        the process.
        """
        settle()
        try:
            yield
        except OutputError as error:
            self.explain(OutputError(f"{error}{_where(reports)}"))

    def show_values(self, values: object) -> None:
        """Print plain values as JSON on stdout."""
        self.print(visible_json(json.dumps(values, ensure_ascii=False, indent=2)))

    def print(self, text: str) -> None:
        """Print text on stdout."""
        with patient_stdout():
            print(text)  # noqa: T201 - this is the output

    def print_lines(self, lines: Iterable[str]) -> None:
        """Print texts on stdout, one a line."""
        with patient_stdout():
            for line in lines:
                print(line)  # noqa: T201 - this is the output

    def tell(self, text: str) -> None:
        """Print a remark on stderr, unless quiet."""
        if not self.quiet:
            typer.echo(hanging(visible(text)), err=True)

    def conclude(self, text: str, /, **values: object) -> None:
        """Say what was done: in a remark, or as JSON by the values."""
        if self.as_json:
            self.show_values(values)
        else:
            self.tell(text)

    def confirm(self, question: str) -> None:
        """Ask on stderr whether to do what cannot be undone; return on yes alone.

        Raises:
            PropLoadError: The answer is another one, or there is nobody to answer.
        """
        # typer's own prompt writes a part of the question to stdout
        typer.echo(f"{visible(question)} [y/N]: ", err=True, nl=False)
        answer = sys.stdin.readline()
        if answer.strip().lower() in _YES:
            return
        msg = "nothing was deleted"
        if not answer or not sys.stdin.isatty():
            # only a terminal has shown the answer, and the end of its line
            typer.echo(err=True)
        if not answer:
            msg += ": nobody answered; --yes skips the question"
        raise PropLoadError(msg)

    def quieted(self, given: Settings) -> Settings:
        """Return the settings, without live progress where the command is quiet."""
        return {**given, "progress": False} if self.quiet else given

    @contextmanager
    def running(self) -> Iterator[None]:
        """Turn errors into messages and exit codes while a command runs.

        Raises:
            typer.Exit: With the code of the error.
        """
        self._set_up_logs()
        try:
            with terminable():
                yield
        except (PropLoadError, KeyboardInterrupt) as error:
            self._fail(error)
            raise typer.Exit(code_of(error)) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001 - the last place to catch a fault
            self._fail_unexpectedly(error)
            raise typer.Exit(1) from None

    def _fail(self, error: PropLoadError | KeyboardInterrupt) -> None:
        report = report_of(error)
        # what stdout does not take is no reason to be silent about the failure
        with suppress(OutputError):
            if report is not None:
                self.show(report)
            elif self.as_json and not isinstance(error, OutputError):
                self.show_values(failure(error))
        self.explain(error)

    def explain(self, error: PropLoadError | KeyboardInterrupt) -> None:
        """Print on stderr what went wrong, unless its report has just said so there."""
        if isinstance(error, KeyboardInterrupt):
            typer.echo(f"{_label()} {hanging(visible(_interrupted(error)))}", err=True)
            return
        if not (self.as_json or self.debug) and _is_seen(error):
            return
        # propload's own sentences hold no secret, and words of them may be one
        self._explain(error, str(error))

    def _fail_unexpectedly(self, error: Exception) -> None:
        hint = "" if self.debug else "; run it again with --debug to see where"
        message = _lacking(error)
        message = message or f"unexpected {type(error).__name__}: {error}{hint}"
        said = _without_secrets(message)
        if self.as_json:
            with suppress(OutputError):
                self.show_values(_without_report("failed", said, 1))
        self._explain(error, said)

    def _explain(self, error: Exception, message: str) -> None:
        if self.debug:
            lines = "".join(traceback.format_exception(error))
            typer.echo(visible(_without_secrets(lines)), err=True)
        typer.echo(f"{_label()} {hanging(visible(message))}", err=True)

    def _set_up_logs(self) -> None:
        level = logging.WARNING
        if self.debug:
            level = logging.DEBUG
        elif self.verbose:
            level = logging.INFO
        elif self.quiet:
            level = logging.ERROR
        log = logging.getLogger("propload")
        _log_to_stderr(log, level)
        log.propagate = False
        if self.verbose or self.debug:
            # Scrapy's, and what a spider logs under its own name
            _log_to_stderr(logging.getLogger(), logging.INFO)


def _lacking(error: Exception) -> str:
    """Return what to do about what the process lacks, or nothing for another error."""
    if isinstance(error, MemoryError):
        return (
            "the process cannot get more memory: raise its limit (ulimit -v, or its "
            "container's), which also counts what libraries reserve"
        )
    if is_refusal(error):
        return NO_MORE_THREADS
    if isinstance(error, PermissionError) and isinstance(error.filename, str):
        return not_ours(Path(error.filename))
    return ""


def _label() -> str:
    """Return how an error begins: with the time where stderr goes into a log."""
    label = typer.style("propload:", fg="red", bold=True)
    is_watched = sys.stderr.isatty()
    return label if is_watched else f"{time.strftime(MOMENT)} {label}"


def _is_seen(error: PropLoadError) -> bool:
    """Whether whoever reads stderr has read the message in the report on stdout."""
    if not isinstance(error, LoadError) or error.report is None:
        return False
    is_told = str(error) == error.report.message
    return is_told and sys.stdout.isatty() and sys.stderr.isatty()


def _where(reports: Sequence[Report]) -> str:
    """Return what is said of where reports are, after a sentence."""
    if not reports:
        return ""
    commands = reports[0].commands
    if len(reports) > 1:
        return f". See them with: {commands.list_runs()}"
    return f". See it with: {commands.show_run(reports[0].run_id)}"


def report_of(error: PropLoadError | KeyboardInterrupt, /) -> Report | None:
    """Return the report of a run that failed or was interrupted, if it has one."""
    ended = error.__cause__ if isinstance(error, KeyboardInterrupt) else error
    return ended.report if isinstance(ended, LoadError) else None


def failure(error: PropLoadError | KeyboardInterrupt, /) -> dict[str, Plain]:
    """Return what JSON says of a failure: the run's report where it has one."""
    report = report_of(error)
    if report is not None:
        return report.as_dict()
    if isinstance(error, KeyboardInterrupt):
        return _without_report("interrupted", _interrupted(error), INTERRUPTED)
    return _without_report("failed", str(error), error.exit_code)


def _interrupted(error: KeyboardInterrupt) -> str:
    return f"interrupted: {error}" if str(error) else "interrupted"


def _without_report(status: Status, message: str, code: int) -> dict[str, Plain]:
    return {"status": status, "message": message, "exit_code": code}


def _without_secrets(text: str) -> str:
    """Return a text without the passwords of any place that names a database.

    Messages hold none; the traceback of a driver's error may quote one.
    """
    from propload.postgres.session.dsn import hide_secrets  # noqa: PLC0415 - only on failure

    for dsn in _connection_strings():
        text = hide_secrets(text, dsn)
    return text


def _log_to_stderr(log: logging.Logger, level: int) -> None:
    log.setLevel(level)
    if not any(isinstance(one, _StderrHandler) for one in log.handlers):
        log.addHandler(_StderrHandler())


class _StderrHandler(logging.Handler):
    """Writes to whatever stderr is now, so that live progress stays below it."""

    def __init__(self) -> None:
        super().__init__()
        line = "%(asctime)s %(levelname)s %(message)s"
        self.setFormatter(logging.Formatter(line, MOMENT))

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record of the log."""
        try:
            text = hanging(visible(self.format(record)))
            print(text, file=sys.stderr)  # noqa: T201 - the log
        except OSError:  # a closed terminal must not end a load
            return


def _connection_strings() -> list[str]:
    """Return what may be a connection string on the command line or in settings."""
    found = [word.removeprefix("--to=") for word in sys.argv[1:]]
    found.append(os.environ.get("PROPLOAD_TO", ""))
    with suppress(PropLoadError):
        file = load_config()
        found += [str(told.get("to", "")) for told in (file.top, *file.jobs.values())]
    return found


def screen_group() -> Group:
    """Return the flags of `Screen`."""
    told = {
        "as_json": ("--json", "Print only the result, as JSON."),
        "quiet": ("--quiet", "Show only the result and errors.", "-q"),
        "verbose": ("--verbose", "Log each step on stderr.", "-v"),
        "debug": ("--debug", "Show the traceback of an error."),
    }
    parts = {name: switch(*one, panel=OUTPUT_PANEL) for name, one in told.items()}
    return Group(parts, _gather)


def _gather(values: Mapping[str, object]) -> Screen:
    return Screen(**{name: bool(value) for name, value in values.items()})
