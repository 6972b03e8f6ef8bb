"""`propload recover`: load what killed runs left in their journals."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import typer

from propload.cli.command import YES, command, own_app
from propload.cli.exit_codes import code_of, exit_code
from propload.cli.flags import switch
from propload.cli.output import failure, report_of
from propload.cli.run_arguments import places, run_argument
from propload.cli.settings import select_settings, settings_group
from propload.cli.table import print_table
from propload.config import RELOADING, commands_for, refuse_others
from propload.errors import ConfigError, PropLoadError
from propload.messages.wording import counted
from propload.options import (
    FileSettings,
    JournalSettings,
    LedgerSettings,
    TableSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.cli.output import Screen
    from propload.options import RecoverSettings, Settings
    from propload.report import Report

_RUN = run_argument("Only this run; by default all runs into the database.")
_LIST = switch("--list", "Only list the journals.")
_DROP = switch("--drop", "Delete the journal of RUN; asks first.")
_MOVED = switch(
    "--moved", "Confirm that the database of RUN is this one, at a new address."
)

app = own_app()


@command(
    app,
    "recover",
    example="propload recover\npropload recover --list",
    run=_RUN,
    only_list=_LIST,
    drop=_DROP,
    moved=_MOVED,
    yes=YES,
    settings=settings_group(
        (name for name in RELOADING if name != "resume"), of_run=True
    ),
)
def recover(
    *,
    run: str,
    only_list: bool,
    drop: bool,
    moved: bool,
    yes: bool,
    settings: Settings,
    screen: Screen,
) -> None:
    """Load what killed runs left in their journals: nothing is lost.

    A journal holds rows of sources that cannot be read again: crawls, pipes,
    pushed rows. Settings are those of the run unless others are given; --to
    names its database. Without RUN, --table limits it to that table's journals.
    """
    _refuse_combined(run, {"--list": only_list, "--drop": drop, "--moved": moved})
    if only_list:
        _list(settings, screen)
    elif drop:
        _drop(run, settings, screen, yes=yes)
    else:
        _load(run, settings, screen, moved=moved)


def _refuse_combined(run: str, actions: Mapping[str, bool]) -> None:
    """Raise if flags are given of which only one could take effect.

    Raises:
        ConfigError: They are, or a list is to have one run.
    """
    given = [flag for flag, is_given in actions.items() if is_given]
    if len(given) > 1:
        msg = f"{' and '.join(given)} exclude each other: give one of them"
        raise ConfigError(msg)
    if given == ["--list"] and run:
        msg = f"--list lists the journals of all runs: leave {run} out"
        raise ConfigError(msg)


def _load(run: str, settings: Settings, screen: Screen, *, moved: bool) -> None:
    from propload.earlier_runs.recovering import recover  # noqa: PLC0415 - heavy

    reports: list[Report] = []
    try:
        recover_settings = cast(
            "RecoverSettings", screen.without_progress_if_quiet(settings)
        )
        recover(run, moved=moved, on_report=reports.append, **recover_settings)
    except (PropLoadError, KeyboardInterrupt) as error:
        with screen.after_runs(reports):
            _show(reports, screen, failed=error)
        screen.explain(error)
        raise typer.Exit(code_of(error)) from None
    if not reports and not screen.as_json:
        screen.tell(_elsewhere_message(settings) or _none_left_message(settings))
    with screen.after_runs(reports):
        _show(reports, screen)
    raise typer.Exit(max(map(exit_code, reports), default=0))


def _elsewhere_message(settings: Settings) -> str:
    """Return the message about journals of other databases; "" if there are none."""
    journals = _waiting_journals(settings)
    return journals and (
        f"nothing was loaded: {journals}. Pass --to as the "
        "run did; or name the run, if its database has another address now or a part "
        "of a replace is to take effect"
    )


def _waiting_journals(settings: Settings) -> str:
    """Return the number of all journals and their databases as text; "" if none."""
    from propload.earlier_runs.leftover_journals import leftovers  # noqa: PLC0415 - heavy

    journals = leftovers(**select_settings(settings, TableSettings))
    if not journals:
        return ""
    databases = sorted({str(journal.about.get("database", "")) for journal in journals})
    listing = commands_for(places(settings).state_dir).list_journals()
    waits = counted(len(journals), "journal waits", "journals wait")
    return f"{waits} for {', '.join(databases)} ({listing})"


def _none_left_message(settings: Settings) -> str:
    table = settings.get("table")
    return "no journal is left" if table is None else f"no journal is left for {table}"


def _show(
    reports: list[Report],
    screen: Screen,
    *,
    failed: PropLoadError | KeyboardInterrupt | None = None,
) -> None:
    """Print the report of each journal, including that of the one that failed."""
    if screen.as_json:
        values = [report.as_dict() for report in reports]
        screen.show_values([*values, failure(failed)] if failed else values)
        return
    failed_report = report_of(failed) if failed is not None else None
    for report in [*reports, failed_report] if failed_report is not None else reports:
        screen.show(report)


def _drop(run: str, settings: Settings, screen: Screen, *, yes: bool) -> None:
    if not run:
        msg = "specify whose journal to delete: propload recover --drop RUN"
        raise ConfigError(msg)
    refuse_others(settings, JournalSettings.__annotations__, function="recover --drop")
    from propload.earlier_runs.leftover_journals import drop_leftover  # noqa: PLC0415 - heavy

    if not yes:
        _confirm_drop(run, settings, screen)
    rows = drop_leftover(run, **cast("JournalSettings", settings))
    message = f"deleted the journal of run {run}: at most {counted(rows, 'row')}"
    screen.report_done(message, run_id=run, rows=rows)


def _confirm_drop(run: str, settings: Settings, screen: Screen) -> None:
    """Ask before a journal is deleted; if it does not exist, do nothing.

    The deletion itself then raises the error.
    """
    from propload.earlier_runs.leftover_journals import leftovers  # noqa: PLC0415 - heavy

    journals = leftovers(**select_settings(settings, FileSettings))
    for journal in journals:
        if journal.run_id == run:
            rows, damaged_bytes = journal.measure()
            _warn_of_damage(run, damaged_bytes, screen)
            question = (
                "Its rows cannot be read again. Delete the journal of run "
                f"{run}, at most {counted(rows, 'row')}?"
            )
            screen.confirm(question)


def _warn_of_damage(run: str, damaged_bytes: int, screen: Screen) -> None:
    """Say that the number of rows does not cover those that cannot be read."""
    if damaged_bytes:
        screen.tell(
            f"the journal of run {run} is damaged: besides the rows that are counted, "
            f"it has {damaged_bytes:,} bytes of rows that cannot be read"
        )


def _list(settings: Settings, screen: Screen) -> None:
    from propload.earlier_runs.leftover_journals import leftovers  # noqa: PLC0415 - heavy

    refuse_others(settings, LedgerSettings.__annotations__, function="recover --list")
    journals = leftovers(**cast("LedgerSettings", settings))
    measured = [(journal, *journal.measure()) for journal in journals]
    if screen.as_json:
        values = [
            {
                **dict(journal.about),
                "run_id": journal.run_id,
                "rows": rows,
                "damaged_bytes": damaged_bytes,
            }
            for journal, rows, damaged_bytes in measured
        ]
        screen.show_values(values)
        return
    if not journals:
        elsewhere = _waiting_journals(settings)
        screen.tell(
            f"none for --to: {elsewhere}" if elsewhere else _none_left_message(settings)
        )
        return
    # "at most": some may be committed already, which only the database knows
    columns = ("run", "rows at most", "table", "database", "source")
    about = ("table", "database", "source")
    lines: list[tuple[str | int, ...]] = [
        (
            journal.run_id,
            rows,
            *(str(journal.about.get(name, "")) for name in about),
        )
        for journal, rows, _ in measured
    ]
    print_table(screen, columns, lines)
    for journal, _, damaged_bytes in measured:
        _warn_of_damage(journal.run_id, damaged_bytes, screen)
