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
from propload.cli.signals import ignore_first_signal, raise_on_signals
from propload.cli.streams import tolerate_closed_stdout
from propload.config.files import load_config
from propload.errors import LoadError, OutputError, PropLoadError
from propload.messages.wording import hanging, visible, visible_json
from propload.process.early_signals import INTERRUPTED, MOMENT
from propload.process.threads import NO_MORE_THREADS, is_refusal
from propload.state.state_folder import foreign_owner_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Protocol

    from propload.options import Settings
    from propload.report import Plain, Report, Status

    class Reported(Protocol):
        """A report that can be printed as text or as JSON."""

        def to_json(self) -> str:
            """Return it as one JSON object."""


#: Answers to a question that mean yes.
_YES = frozenset({"y", "yes"})


@dataclass(frozen=True, slots=True)
class Screen:
    """How a command prints results, remarks and errors.

    Attributes:
        as_json: Whether stdout gets JSON and nothing else.
        quiet: Whether only results and errors are shown.
        verbose: Whether each step is logged.
        debug: Whether an error is shown with its traceback.
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

        with tolerate_closed_stdout():
            print_report(report)

    @contextmanager
    def after_runs(self, reports: Sequence[Report], /) -> Iterator[None]:
        """If stdout fails, say on stderr how to see the reports, and continue.

        So the exit code is still that of the runs: a program that reads it would
        otherwise load the same rows again. For the same reason the first signal from
        here on is ignored; a second one ends the process.
        """
        ignore_first_signal()
        try:
            yield
        except OutputError as error:
            self.explain(OutputError(f"{error}{_how_to_see(reports)}"))

    def show_values(self, values: object) -> None:
        """Print plain values as JSON on stdout."""
        self.print(visible_json(json.dumps(values, ensure_ascii=False, indent=2)))

    def print(self, text: str) -> None:
        """Print text on stdout."""
        with tolerate_closed_stdout():
            print(text)  # noqa: T201 - this is the output

    def print_lines(self, lines: Iterable[str]) -> None:
        """Print texts on stdout, one per line."""
        with tolerate_closed_stdout():
            for line in lines:
                print(line)  # noqa: T201 - this is the output

    def tell(self, text: str) -> None:
        """Print a remark on stderr, unless quiet."""
        if not self.quiet:
            typer.echo(hanging(visible(text)), err=True)

    def report_done(self, text: str, /, **values: object) -> None:
        """Say what was done: the text on stderr, or with `--json` the values."""
        if self.as_json:
            self.show_values(values)
        else:
            self.tell(text)

    def confirm(self, question: str) -> None:
        """Ask on stderr before something irreversible; return only if answered yes.

        Raises:
            PropLoadError: The answer is not yes, or stdin is at its end.
        """
        # typer's own prompt writes part of the question to stdout
        typer.echo(f"{visible(question)} [y/N]: ", err=True, nl=False)
        answer = sys.stdin.readline()
        if answer.strip().lower() in _YES:
            return
        msg = "nothing was deleted"
        if not answer or not sys.stdin.isatty():
            # only a terminal has echoed the answer with its newline
            typer.echo(err=True)
        if not answer:
            msg += ": nobody answered; --yes skips the question"
        raise PropLoadError(msg)

    def without_progress_if_quiet(self, settings: Settings) -> Settings:
        """Return the settings, without live progress if the command is quiet."""
        return {**settings, "progress": False} if self.quiet else settings

    @contextmanager
    def running(self) -> Iterator[None]:
        """Turn errors into messages and exit codes while a command runs.

        Raises:
            typer.Exit: With the exit code of the error.
        """
        self._set_up_logs()
        try:
            with raise_on_signals():
                yield
        except (PropLoadError, KeyboardInterrupt) as error:
            self._fail(error)
            raise typer.Exit(code_of(error)) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001 - the last place to catch a fault
            self._fail_unexpectedly(error)
            raise typer.Exit(1) from None
        except BaseException as error:
            if not _is_panic(error):
                raise
            self._fail_unexpectedly(error)
            raise typer.Exit(1) from None

    def _fail(self, error: PropLoadError | KeyboardInterrupt) -> None:
        report = report_of(error)
        # stderr must get the failure even if stdout cannot be written
        with suppress(OutputError):
            if report is not None:
                self.show(report)
            elif self.as_json and not isinstance(error, OutputError):
                self.show_values(failure(error))
        self.explain(error)

    def explain(self, error: PropLoadError | KeyboardInterrupt) -> None:
        """Print an error on stderr, unless the same terminal has just shown it."""
        if isinstance(error, KeyboardInterrupt):
            typer.echo(f"{_label()} {hanging(visible(_interrupted(error)))}", err=True)
            return
        if not (self.as_json or self.debug) and _was_shown(error):
            return
        # propload's messages hold no secret: masking them could only hide words that
        # happen to equal a password
        self._explain(error, str(error))

    def _fail_unexpectedly(self, error: BaseException) -> None:
        hint = "" if self.debug else "; run it again with --debug to see where"
        message = _resource_message(error)
        message = message or f"unexpected {type(error).__name__}: {error}{hint}"
        shown = _without_secrets(message)
        if self.as_json:
            with suppress(OutputError):
                self.show_values(_failure_values("failed", shown, 1))
        self._explain(error, shown)

    def _explain(self, error: BaseException, message: str) -> None:
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
            # what Scrapy logs, and a spider under its own name
            _log_to_stderr(logging.getLogger(), logging.INFO)


def _is_panic(error: BaseException) -> bool:
    """Return whether this is a fault of Polars, or of another library in Rust."""
    # by name: each of these libraries has a type of its own, below BaseException
    return type(error).__name__ == "PanicException"


def _resource_message(error: BaseException) -> str:
    """Return a message for lack of memory, threads or permission; otherwise ""."""
    if isinstance(error, MemoryError):
        return (
            "the process cannot get more memory: raise its limit (ulimit -v, or its "
            "container's), which also counts what libraries reserve"
        )
    if is_refusal(error):
        return NO_MORE_THREADS
    if isinstance(error, PermissionError) and isinstance(error.filename, str):
        return foreign_owner_message(Path(error.filename))
    return ""


def _label() -> str:
    """Return the prefix of an error; if stderr is no terminal, with the time."""
    label = typer.style("propload:", fg="red", bold=True)
    is_watched = sys.stderr.isatty()
    return label if is_watched else f"{time.strftime(MOMENT)} {label}"


def _was_shown(error: PropLoadError) -> bool:
    """Return whether the report on the terminal has already shown this message."""
    if not isinstance(error, LoadError) or error.report is None:
        return False
    is_in_report = str(error) == error.report.message
    return is_in_report and sys.stdout.isatty() and sys.stderr.isatty()


def _how_to_see(reports: Sequence[Report]) -> str:
    """Return the text, to follow a sentence, that says how to see the reports."""
    if not reports:
        return ""
    commands = reports[0].commands
    if len(reports) > 1:
        return f". See them with: {commands.list_runs()}"
    return f". See it with: {commands.show_run(reports[0].run_id)}"


def report_of(error: PropLoadError | KeyboardInterrupt, /) -> Report | None:
    """Return the report of a run that failed or was interrupted, if it has one."""
    cause = error.__cause__ if isinstance(error, KeyboardInterrupt) else error
    return cause.report if isinstance(cause, LoadError) else None


def failure(error: PropLoadError | KeyboardInterrupt, /) -> dict[str, Plain]:
    """Return the JSON object for a failure: the run's report if there is one."""
    report = report_of(error)
    if report is not None:
        return report.as_dict()
    if isinstance(error, KeyboardInterrupt):
        return _failure_values("interrupted", _interrupted(error), INTERRUPTED)
    return _failure_values("failed", str(error), error.exit_code)


def _interrupted(error: KeyboardInterrupt) -> str:
    return f"interrupted: {error}" if str(error) else "interrupted"


def _failure_values(status: Status, message: str, code: int) -> dict[str, Plain]:
    return {"status": status, "message": message, "exit_code": code}


def _without_secrets(text: str) -> str:
    """Return a text without the passwords of any connection string that was given.

    Messages hold none, but the traceback of a driver's error may quote one.
    """
    from propload.postgres.session.dsn import hide_secrets  # noqa: PLC0415 - only on failure

    for dsn in _connection_strings():
        text = hide_secrets(text, dsn)
    return text


def _log_to_stderr(log: logging.Logger, level: int) -> None:
    log.setLevel(level)
    if not any(isinstance(handler, _StderrHandler) for handler in log.handlers):
        log.addHandler(_StderrHandler())


class _StderrHandler(logging.Handler):
    """Logs to the current `sys.stderr`, so that live progress stays below the lines.

    The progress display replaces `sys.stderr` while it runs.
    """

    def __init__(self) -> None:
        super().__init__()
        line = "%(asctime)s %(levelname)s %(message)s"
        self.setFormatter(logging.Formatter(line, MOMENT))

    def emit(self, record: logging.LogRecord) -> None:
        """Print a log record on stderr."""
        try:
            text = hanging(visible(self.format(record)))
            print(text, file=sys.stderr)  # noqa: T201 - the log
        except OSError:  # a closed terminal must not end a load
            return


def _connection_strings() -> list[str]:
    """Return all texts of the command line and settings that may name a database."""
    found = [word.removeprefix("--to=") for word in sys.argv[1:]]
    found.append(os.environ.get("PROPLOAD_TO", ""))
    with suppress(PropLoadError):
        file = load_config()
        found += [
            str(settings.get("to", "")) for settings in (file.top, *file.jobs.values())
        ]
    return found


def screen_group() -> Group:
    """Return the flags that make up a `Screen`."""
    flags = {
        "as_json": ("--json", "Print only the result, as JSON."),
        "quiet": ("--quiet", "Show only the result and errors.", "-q"),
        "verbose": ("--verbose", "Log each step on stderr.", "-v"),
        "debug": ("--debug", "Show the traceback of an error."),
    }
    parts = {name: switch(*flag, panel=OUTPUT_PANEL) for name, flag in flags.items()}
    return Group(parts, _make_screen)


def _make_screen(values: Mapping[str, object]) -> Screen:
    return Screen(**{name: bool(value) for name, value in values.items()})
