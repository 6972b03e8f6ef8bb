"""Replays rejected rows: loads them again after the reason was fixed."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack, cast

from propload import config
from propload.arguments import require_function
from propload.earlier_runs.committed_rejects import (
    committed_pieces,
    how_to_load_uncommitted,
)
from propload.earlier_runs.earlier_replays import find_earlier_replay, remove_abandoned
from propload.earlier_runs.fixing import Fix
from propload.earlier_runs.gone_rejects import find_rejected
from propload.earlier_runs.newest_rejects import NewestRejects
from propload.earlier_runs.reject_source import RejectSource
from propload.errors import ConfigError, PropLoadError
from propload.messages.wording import counted
from propload.monitoring.metrics import Metrics
from propload.options import ReplaySettings
from propload.rejecting import RejectStore
from propload.rejecting.lines import count_lines
from propload.rejecting.store import require_exists
from propload.report import Report
from propload.running.choosing import open_database
from propload.running.planning import Plan
from propload.running.run import Run
from propload.running.run_ids import require_run_id
from propload.running.shown_settings import object_names, require_objects
from propload.running.stopping import run_stoppable
from propload.settings_signature import names_settings
from propload.state.report_store import ReportStore
from propload.state.unfinished_runs import UnfinishedRunStore

if TYPE_CHECKING:
    from pathlib import Path

    from propload.earlier_runs.earlier_replays import EarlierReplay
    from propload.options import Settings
    from propload.report import Plain


log = logging.getLogger(__name__)

#: Settings of a run that its replay does not take over: `max_rejects` as a share of all
#: rows has no meaning for the rejected ones.
_NOT_INHERITED = ("resume", "max_rejects")


@names_settings(ReplaySettings)
def replay(
    run_id: str = "", *, fix: Fix | None = None, **settings: Unpack[ReplaySettings]
) -> Report:
    """Load the rejected rows of a run again, and return the report.

    The settings are those of the run, except `max_rejects`, which was meant for all
    rows; settings given here override them. Rows that are rejected again are kept under
    the new run's id. Rows that could not be read at all stay where they are, since only
    their file can be fixed. In mode append, a replay that was stopped or killed is
    continued, so that no row is added twice.

    Args:
        run_id: The run, or a prefix of its id; by default the newest run with rows to
            replay or, if an unfinished replay is newer, the run that it replays.
        fix: Corrects the rows before they are mapped and checked. If it fails within
            the first 32 MB, nothing is loaded; rows on which it fails later are
            rejected again.
        **settings: Settings that differ from the run's: a corrected mapping or schema.

    Raises:
        ConfigError: There is no such run, or none of its rows can be replayed; a
            setting is missing that only the caller has, or one is given that does not
            apply to rejected rows; the fix fails, or a replay with another fix has
            added some of the rows.
        WriteError: The database cannot be reached.
        LockedError: The run is still running, or is being replayed.
        LoadError: The run ended early; the rejected rows are kept.
    """
    if fix is not None:
        require_function("fix", fix)
    plan = Plan.of_few(settings, ReplaySettings, function="replay")
    places = plan.readable_places()
    named = find_rejected(require_run_id(run_id), places) if run_id else None
    path = named or NewestRejects(places).find_replayable()
    with RejectStore(places.rejects).locked(path.stem):
        require_exists(path)
        report = _report_of(path.stem, ReportStore(places.runs))
        plan = _plan_of(path.stem, report, cast("Settings", settings))
        return _replay(path, fix, replace(plan, replayed=path.stem), report)


def _replay(path: Path, fix: Fix | None, plan: Plan, report: Report | None) -> Report:
    source = RejectSource(path, fix, committed_pieces(path.stem, plan, report))
    _require_rows(source, plan)
    earlier = find_earlier_replay(source, plan)
    if earlier is not None and not earlier.has_ended:
        _warn_of_later(earlier, source, plan)
        source = earlier.source
        plan = replace(plan, settings={**plan.settings, "resume": earlier.run.run_id})
    else:
        if earlier is not None:
            _remove_replayed(earlier, source, plan)
            # a new one, as its file has changed
            source = replace(source)
        if plan.settings.get("mode") == "append":
            # in case the replay is killed and the file edited afterwards
            RejectStore(plan.places.rejects).make_copy(path.stem)
    run = Run(source, plan, metrics=Metrics())
    report = run_stoppable(lambda stopper: stopper.execute(run))
    if report.status == "loaded":
        _remove_loaded(source, plan, loaded_by=report.run_id)
    return report


def _remove_replayed(earlier: EarlierReplay, source: RejectSource, plan: Plan) -> None:
    """Remove rows that a replay has loaded, so that only the others are left to load.

    Raises:
        ConfigError: There are no others, or the rows cannot be removed.
    """
    loaded = earlier.source.count()
    later = source.count() - loaded
    is_removed = _remove_loaded(earlier.source, plan, loaded_by=earlier.run.run_id)
    clause = f"of run {source.path.stem} were loaded by its replay {earlier.run.run_id}"
    if not later:
        msg = f"the rejected rows {clause}: nothing is left of them"
        raise ConfigError(msg)
    clause = f"rejected rows ({loaded:,}) {clause}"
    if not is_removed:
        msg = (
            f"{clause}, and cannot be separated from {counted(later, 'row')} that came "
            "since: fix the cause, which is logged, then replay again"
        )
        raise ConfigError(msg)
    log.warning("%s: %s that came since are left", clause, counted(later, "row"))


def _warn_of_later(earlier: EarlierReplay, source: RejectSource, plan: Plan) -> None:
    """Warn of rows that were rejected after a replay began, and do not belong to it."""
    later = source.count() - earlier.source.count()
    if later:
        log.warning(
            "%s of run %s %s: they came after its replay %s began. When that has "
            "ended, run %s again",
            counted(later, "rejected row"),
            source.path.stem,
            "stays" if later == 1 else "stay",
            earlier.run.run_id,
            plan.commands.replay(source.path.stem),
        )


def _require_rows(source: RejectSource, plan: Plan) -> None:
    """Raise if no row can be replayed; warn of rows that have to wait.

    Raises:
        ConfigError: No row can be replayed.
    """
    run_id = source.path.stem
    waiting = source.count_waiting()
    if not source.count():
        raise ConfigError(_no_row_message(source, plan))
    if waiting:
        log.warning(
            "%s of run %s %s, being of batches that it has not committed: %s",
            counted(waiting, "rejected row"),
            run_id,
            "stays" if waiting == 1 else "stay",
            how_to_load_uncommitted(run_id, plan),
        )


def _no_row_message(source: RejectSource, plan: Plan) -> str:
    """Return why no rejected row of a run can be replayed, and what to do."""
    run_id = source.path.stem
    if source.count_waiting():
        return (
            f"the rejected rows of run {run_id} are of batches that it has not "
            f"committed: {how_to_load_uncommitted(run_id, plan)}"
        )
    if not count_lines(source.path):
        # the lines were removed by hand
        drop = plan.commands.drop_rejects(run_id)
        return f"{source.path} no longer holds any row: put one back, or run {drop}"
    return (
        f"the rejected rows of run {run_id} could not be read at all: correct the file "
        "and ingest it again"
    )


def _remove_loaded(source: RejectSource, plan: Plan, *, loaded_by: str) -> bool:
    """Remove rows that are now loaded, or rejected again; return whether that worked.

    Killed replays of them are forgotten as well: they have nothing left to continue.
    """
    is_loaded, store = source.loadable_predicate(), RejectStore(plan.places.rejects)
    try:
        # first, as it compares with the rows that are still in this file
        remove_abandoned(source, plan, loaded_by=loaded_by)
        store.drop_copy(source.path.stem)
        store.keep(source.path.stem, lambda line: not is_loaded(line))
    except (OSError, PropLoadError) as error:
        # harmless: in append a later replay recognizes them, else it is idempotent
        log.warning("the rejected rows stay in %s: %s", source.path, error)
        return False
    UnfinishedRunStore(plan.places.runs).forget_replays(source.path.stem)
    return True


def _report_of(run_id: str, reports: ReportStore) -> Report | None:
    """Return the report of a run, or None if it was killed before writing one."""
    return reports.read(run_id) if reports.files.path(run_id).exists() else None


def _plan_of(run_id: str, report: Report | None, overrides: Settings) -> Plan:
    """Return the plan of a replay: the run's settings, overridden by the given ones."""
    if report is None:
        plan = Plan.of(overrides)
        if "table" not in plan.settings:
            msg = (
                f"run {run_id} was killed before its report was written: specify which "
                "table its rows belong to, and its other settings (--table, --key)"
            )
            raise ConfigError(msg)
        return plan
    plan = Plan.of({**_settings_of(report, overrides), **overrides})
    if "to" not in overrides:
        with open_database(plan) as database:
            label = database.label
        if label != report.target.database:
            msg = (
                f"the rows of run {run_id} were rejected by {report.target.database}, "
                f"but would now go to {label}: name the database with --to"
            )
            raise ConfigError(msg)
    return plan


def _settings_of(report: Report, overrides: Settings) -> Settings:
    """Return the settings of a run from its report, and its table."""
    settings: dict[str, Plain] = dict(report.settings)
    objects = object_names(settings.pop("objects", None))
    require_objects(objects, overrides, run_id=report.run_id, function="replay")
    for name in objects:
        settings.pop(name, None)
    settings["table"] = report.target.table
    if settings.get("mode") == "replace":
        # the rows are to be added to those of the replace, not to replace them
        settings["mode"] = "upsert" if settings.get("key") else "append"
    valid = {name: value for name, value in settings.items() if name in config.SETTINGS}
    for name in _NOT_INHERITED:
        valid.pop(name, None)
    return valid  # type: ignore[return-value] # config.resolve reads each value
