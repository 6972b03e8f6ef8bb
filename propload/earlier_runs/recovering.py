"""Recovers runs that were killed: loads the rows that wait in their journals."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Unpack, cast

from propload import config
from propload.arguments import require_function
from propload.earlier_runs.leftover_journals import (
    JournalGoneError,
    filter_by_database,
    filter_by_table,
    find_leftover,
    open_leftover,
    require_own_database,
)
from propload.errors import ConfigError, LoadError, LockedError, PropLoadError
from propload.journal import find_leftovers
from propload.messages.wording import counted
from propload.monitoring.metrics import Metrics
from propload.options import RecoverSettings
from propload.report import Report
from propload.running.choosing import choose_table, find_checker, open_database
from propload.running.planning import Plan
from propload.running.run import Run
from propload.running.shown_settings import object_names, require_objects
from propload.running.stopping import run_stoppable
from propload.settings_signature import names_settings
from propload.state.state_folder import check_state_folder

if TYPE_CHECKING:
    from collections.abc import Collection

    from propload.journal import Leftover
    from propload.messages.suggested_commands import Commands
    from propload.options import Settings
    from propload.postgres.database import Database
    from propload.running.stopping import Stopper
    from propload.sources.source import Source

log = logging.getLogger(__name__)

#: Settings taken from the user who recovers rather than from the journal. `resume` is
#: not among them: the run that is continued is always the journal's own.
_USER_SETTINGS = tuple(
    one.name
    for one in config.SETTINGS.values()
    if one.owner != "run" and one.name != "resume"
)


@names_settings(RecoverSettings)
def recover(
    run_id: str = "",
    *,
    moved: bool = False,
    on_report: Callable[[Report], None] | None = None,
    **settings: Unpack[RecoverSettings],
) -> list[Report]:
    """Load what killed runs left in their journals; return a report for each.

    A replace whose source had not given all its rows is skipped unless its run is
    named: the table would lose all its old rows for only some of the new ones.

    Args:
        run_id: The only run to recover, by its whole id; by default all runs into
            this database.
        moved: Whether the current database is the run's, although it has another
            address and does not show that it is the same.
        on_report: Called with the report of each journal that was loaded, even if
            another one cannot be loaded and this function raises.
        **settings: `to`; settings that a run was given as Python objects (a mapping, a
            schema); and settings that shall differ from those in the journal. If no run
            is named, `table` restricts the journals to those for that table.

    Raises:
        ConfigError: There is no such journal, it belongs to another database, `moved`
            is given without a run, or a setting is given that does not apply to rows in
            a journal.
        WriteError: The database cannot be reached.
        LoadError: A run ended early again; its journal is kept, and the others are
            loaded.
    """
    plan = Plan.of_few(settings, RecoverSettings, function="recover")
    if on_report is not None:
        require_function("on_report", on_report)
    if moved and not run_id:
        msg = "specify which run's database has moved: moved needs a run (RUN --moved)"
        raise ConfigError(msg)
    if run_id:
        leftover = find_leftover(plan, run_id)
        with open_database(plan) as database:
            if not moved:
                require_own_database(leftover, database, plan.commands)
        return _recover_journals([leftover], plan, plan.explicit_settings, on_report)
    leftovers = find_leftovers(plan.readable_places().journal)
    if not leftovers:
        return []
    with open_database(plan) as database:
        loadable = _loadable(
            filter_by_table(leftovers, settings), database, plan.commands
        )
    return _recover_journals(
        loadable, plan, plan.explicit_settings - {"table"}, on_report
    )


def _loadable(
    leftovers: list[Leftover], database: Database, commands: Commands
) -> list[Leftover]:
    """Return the journals of a database that can be loaded; warn of those skipped."""
    own = filter_by_database(leftovers, database, commands)
    return [leftover for leftover in own if not _is_part_of_replace(leftover, commands)]


def _is_part_of_replace(leftover: Leftover, commands: Commands) -> bool:
    """Return whether a journal is an incomplete replace, and warn if so."""
    if not leftover.is_replace or leftover.whole:
        return False
    log.warning(
        "run %s was to replace %s and ended before its source did: the rows that came "
        "are not loaded. To replace all rows of the table with them: %s. "
        "After a later replace, drop them instead, which ends this warning: %s",
        leftover.run_id,
        leftover.about.get("table"),
        commands.recover(leftover.run_id),
        commands.drop_journal(leftover.run_id),
    )
    return True


def _recover_journals(
    leftovers: list[Leftover],
    plan: Plan,
    overrides: Collection[str],
    on_report: Callable[[Report], None] | None,
) -> list[Report]:
    """Load journals until the user stops it; return a report for each.

    If one cannot be loaded, the others are; its error is raised at the end.
    """
    reports, failed = run_stoppable(
        lambda stopper: _recover_each(leftovers, plan, stopper, overrides)
    )
    if on_report is not None:
        for report in reports:
            on_report(report)
    for run_id, error in failed[1:]:
        log.warning("the journal of run %s cannot be loaded either: %s", run_id, error)
    if failed:
        raise failed[0][1]
    return reports


def _recover_each(
    leftovers: list[Leftover],
    plan: Plan,
    stopper: Stopper,
    overrides: Collection[str] = (),
) -> tuple[list[Report], list[tuple[str, PropLoadError]]]:
    """Return the reports, and the runs that could not be loaded with their errors.

    After a journal that could not be loaded, those for the same table wait: its rows
    are older, and would later overwrite theirs.
    """
    reports: list[Report] = []
    failed: list[tuple[str, PropLoadError]] = []
    waited_for: dict[tuple[str, object], str] = {}
    waiting: dict[str, list[str]] = {}
    for leftover in leftovers:
        if stopper.stop_requested.is_set():
            break
        target = leftover.database, leftover.about.get("table")
        if target in waited_for:
            waiting.setdefault(waited_for[target], []).append(leftover.run_id)
            continue
        try:
            reports.append(recover_one(leftover, plan, stopper, overrides))
        except JournalGoneError as error:
            log.info("%s", error)
        except PropLoadError as error:
            failed.append((leftover.run_id, error))
            if not isinstance(error, LockedError):
                waited_for[target] = leftover.run_id
    for behind, run_ids in waiting.items():
        _warn_of_waiting(run_ids, behind)
    return reports, failed


def _warn_of_waiting(run_ids: list[str], behind: str) -> None:
    """Warn of journals that wait for another, in one line, as there may be hundreds."""
    subject = f"the journal of run {run_ids[0]} waits"
    if len(run_ids) > 1:
        many, last = len(run_ids), run_ids[-1]
        subject = f"the journals of {many:,} runs ({run_ids[0]} to {last}) wait"
    log.warning("%s for run %s", subject, behind)


def recover_first(plan: Plan, source: Source, stopper: Stopper) -> None:
    """Load the journals left for the table of a run that is about to begin; log them.

    Journals that another process is loading at the moment are skipped.

    Raises:
        ConfigError: The state folder cannot be used.
        LoadError: A journal cannot be loaded; the message says how to continue.
        KeyboardInterrupt: It was stopped before all were loaded.
    """
    check_state_folder(plan.places.state_dir, writing=True)
    leftovers = find_leftovers(plan.places.journal)
    # connect only if a journal is for this table: those for others may wait for ever
    leftovers = leftovers and _for_table_of(plan, source, leftovers)
    if not leftovers:
        return
    with open_database(plan, should_stop=stopper.stop_requested.is_set) as database:
        database.reach()
        loadable = _loadable(leftovers, database, plan.commands)
    for report in _recover_before(loadable, plan, stopper):
        log.warning(
            "loaded first what run %s had left in its journal: it has read %s in all",
            report.run_id,
            counted(report.counts.read, "row"),
        )
    if stopper.stop_requested.is_set():
        msg = "stopped while the journals of earlier runs were being loaded"
        raise KeyboardInterrupt(msg)


def _for_table_of(
    plan: Plan, source: Source, leftovers: list[Leftover]
) -> list[Leftover]:
    """Return the journals for the table of a run."""
    checker = find_checker(plan.settings)
    table = str(choose_table(plan.settings, checker, source.name))
    return [leftover for leftover in leftovers if leftover.about.get("table") == table]


def _recover_before(
    leftovers: list[Leftover], plan: Plan, stopper: Stopper
) -> list[Report]:
    reports, failed = _recover_each(leftovers, plan, stopper)
    for _, error in failed:
        if isinstance(error, LockedError):
            log.warning("%s", error)
    for run_id, error in failed:
        if not isinstance(error, LockedError):
            msg = (
                "the journal of an earlier run has to be loaded first, but cannot be: "
                f"{_with_advice(run_id, error, plan.commands)}"
            )
            # without the error's report, which is the earlier run's, not this run's
            raise LoadError(msg, exit_code=error.exit_code) from error
    return reports


def _with_advice(run_id: str, error: PropLoadError, commands: Commands) -> str:
    """Return why a journal cannot be loaded and what to do, without repetition."""
    message = str(error)
    if not message.endswith((".", "?")):
        message += "."
    corrected = commands.recover_otherwise(run_id)
    drop = commands.drop_journal(run_id)
    if drop in message:
        return f"{message} With other settings: {corrected}"
    return (
        f"{message} Recover it with the settings corrected ({corrected}) or drop it "
        f"({drop})"
    )


def recover_one(
    leftover: Leftover, plan: Plan, stopper: Stopper, overrides: Collection[str]
) -> Report:
    """Load the rows left in one journal, and return the report.

    Args:
        leftover: The journal.
        plan: Settings, such as the database, that the journal does not hold.
        stopper: Stops the run that loads it.
        overrides: The settings of `plan` that override those in the journal.

    Raises:
        LockedError: Another process has begun to recover it.
        JournalGoneError: Another process has recovered or dropped it.
        LoadError: The run ended early again; the journal is kept.
    """
    source = open_leftover(leftover)
    log.info("recovering run %s", leftover.run_id)
    try:
        run = Run(source, _plan_of(leftover, plan, overrides), metrics=Metrics())
        return stopper.execute(run)
    finally:
        source.close(loaded=False)


def _plan_of(leftover: Leftover, plan: Plan, names: Collection[str]) -> Plan:
    stored = leftover.about.get("settings")
    settings = dict(stored) if isinstance(stored, dict) else {}
    objects = object_names(leftover.about.get("objects"))
    require_objects(objects, plan.settings, run_id=leftover.run_id, function="recover")
    override_names = {*_USER_SETTINGS, *names, *objects}
    overrides = {
        name: value for name, value in plan.settings.items() if name in override_names
    }
    return Plan.of(cast("Settings", {**settings, **overrides}))
