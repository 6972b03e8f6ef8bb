"""Loading rejected rows again, after what they were rejected for was fixed."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from propload import config
from propload.beginnings import BeginningStore
from propload.earlier.reject_source import RejectSource
from propload.earlier.settled import how_to_settle, settled_pieces
from propload.errors import ConfigError
from propload.monitoring.metrics import Metrics
from propload.postgres.ledger.history import read_runs
from propload.rejecting import RejectStore
from propload.rejecting.store import require_there
from propload.reports import ReportStore
from propload.running.choosing import open_database
from propload.running.planning import Plan, object_names, require_objects
from propload.running.resuming import Resuming
from propload.running.run import Run
from propload.running.stopping import stoppable
from propload.target import TableName
from propload.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Unpack

    from propload.earlier.reject_source import Fix
    from propload.options import Settings
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.loading import Database
    from propload.report import Plain, Report


log = logging.getLogger(__name__)

#: What of a run's settings its replay does not take over: a share of all rows says
#: nothing of those that were rejected.
_OF_THE_RUN_ALONE = ("resume", "max_rejects")


def replay(
    run_id: str = "", /, *, fix: Fix | None = None, **settings: Unpack[Settings]
) -> Report:
    """Load the rejected rows of a run again and return what happened.

    The settings are those of the run, but for `max_rejects`, which was meant for all
    rows; what is given differs from them. What is rejected again is kept under the new
    run's name; rows that could not be read at all stay where they are, since only their
    file can be fixed. A replay that adds rows and was stopped or killed is continued:
    no row is added twice.

    Args:
        run_id: The run, or how its name begins; the newest by default.
        fix: Corrects the rows before they are mapped and checked.
        **settings: What differs from the run's own: a corrected mapping or schema.

    Raises:
        ConfigError: There is no such run, no row of it can be replayed, a setting
            is needed that only the caller has, or one is given that says nothing of
            rejected rows; or a replay by another fix has added some of the rows.
        LockedError: The run still goes on, or is being replayed.
        LoadError: The run stopped early; the rejected rows stay.
    """
    config.refuse_others(settings, config.RELOADING, function="propload.replay")
    places = Plan.of(config.resolve(settings)).found()
    store = RejectStore(places.rejects)
    path = store.files.find(run_id)
    with store.alone(path.stem):
        require_there(path)
        return _replay(path, store, fix, ReportStore(places.runs), settings)


def _replay(
    path: Path,
    store: RejectStore,
    fix: Fix | None,
    reports: ReportStore,
    settings: Settings,
) -> Report:
    report = _report_of(path.stem, reports)
    plan = replace(_plan_of(path.stem, report, settings), replayed=path.stem)
    source = RejectSource(path, fix, settled_pieces(path.stem, plan, report))
    _require_rows(source, plan)
    earlier = _earlier_replay(source, plan)
    if earlier is not None and earlier.status == "loaded":
        _forget(source, store, plan)
        msg = (
            f"the rejected rows of run {path.stem} were loaded by its replay "
            f"{earlier.run_id}: nothing is left of them"
        )
        raise ConfigError(msg)
    if earlier is not None:
        plan = replace(plan, settings={**plan.settings, "resume": earlier.run_id})
    run = Run(source, plan, metrics=Metrics())
    report = stoppable(lambda stopper: stopper.execute(run))
    if report.status == "loaded":
        _forget(source, store, plan)
    return report


def _require_rows(source: RejectSource, plan: Plan) -> None:
    """Refuse to replay where no row can be; tell of those that have to wait.

    Raises:
        ConfigError: No row can be.
    """
    run_id = source.path.stem
    waiting = sum(1 for _ in source.waiting())
    if not any(True for _ in source.lines()):
        msg = (
            f"the rejected rows of run {run_id} are of batches that it has not "
            f"committed: {how_to_settle(run_id, plan)}"
            if waiting
            else f"the rejected rows of run {run_id} could not be read at all: correct "
            "the file and ingest it again"
        )
        raise ConfigError(msg)
    if waiting:
        log.warning(
            "%s of run %s %s, being of batches that it has not committed: %s",
            counted(waiting, "rejected row"),
            run_id,
            "stays" if waiting == 1 else "stay",
            how_to_settle(run_id, plan),
        )


def _forget(source: RejectSource, store: RejectStore, plan: Plan) -> None:
    """Let go of rows that are loaded by now, or refused under the new run's name.

    Replays of them that were killed have nothing left to go on with.
    """
    try:
        store.keep(source.path.stem, lambda line: not source.takes(line))
    except OSError as error:
        # a replay that adds rows knows them again, and any other changes nothing
        log.warning("the rejected rows stay in %s: %s", source.path, error)
        return
    BeginningStore(plan.places.runs).forget_replays(source.path.stem)


def _earlier_replay(source: RejectSource, plan: Plan) -> RunRecord | None:
    """Return the replay of these very rows that did not come to forget them.

    Only where rows are added it matters: to write rows by their key once more
    changes nothing, and may be done by other settings.

    Raises:
        ConfigError: It was by another fix, and has added rows.
        LockedError: It still goes on.
    """
    if plan.settings.get("mode") != "append":
        return None
    table = str(TableName.parse(plan.settings["table"]))
    with open_database(plan) as database:
        with database.connect() as session:
            runs = read_runs(session, plan.places.state_dir)
        for run in runs:
            if (run.source, run.target) != (source.name, table):
                continue
            if run.fingerprint == source.fingerprint():
                return run
            if run.status == "loaded" and source.is_of_same_rows(run.fingerprint):
                # another fix may not add them a second time
                return run
            if run.status != "loaded":
                _require_nothing_added(run, plan, database)
            return None
    return None


def _require_nothing_added(run: RunRecord, plan: Plan, database: Database) -> None:
    """Refuse to begin anew where an unfinished replay has added some of the rows.

    Raises:
        ConfigError: It has.
        LockedError: It still goes on.
    """
    with ExitStack() as stack:
        resuming = Resuming(database, plan, stack)
        point = resuming.point_of(run.run_id, gone=0)
    if point is None or not point.counts.stored:
        return
    msg = (
        f"run {run.run_id} added {counted(point.counts.stored, 'row')} of the "
        f"{run.source} with another fix, or before others were refused, and did not "
        "finish: continue with the fix that it had, or load what is missing from a "
        f"file ({plan.commands.export_rejects(plan.replayed)})"
    )
    raise ConfigError(msg)


def _report_of(run_id: str, reports: ReportStore) -> Report | None:
    """Return the report of a run, or None where it was killed before it wrote one."""
    return reports.read(run_id) if reports.files.path(run_id).exists() else None


def _plan_of(run_id: str, report: Report | None, given: Settings) -> Plan:
    """Return what holds for a replay: what the run was told, and what is given now."""
    if report is None:
        plan = Plan.of(config.resolve(given))
        if "table" not in plan.settings:
            msg = (
                f"run {run_id} was killed before its report was written: say which "
                "table its rows belong to, and its other settings (--table, --key)"
            )
            raise ConfigError(msg)
        return plan
    plan = Plan.of(config.resolve({**_settings_of(report, given), **given}))
    if "to" not in given:
        with open_database(plan) as database:
            label = database.label
        if label != report.target.database:
            msg = (
                f"the rows of run {run_id} were rejected by {report.target.database}, "
                f"but would now go to {label}: name the database with --to"
            )
            raise ConfigError(msg)
    return plan


def _settings_of(report: Report, given: Settings) -> Settings:
    """Return the settings of a run from its report, and its table."""
    told: dict[str, Plain] = dict(report.settings)
    objects = object_names(told.pop("objects", None))
    require_objects(objects, given, run_id=report.run_id, function="replay")
    for name in objects:
        told.pop(name, None)
    told["table"] = report.target.table
    if told.get("mode") == "replace":
        # the rows belong to those that replaced the table, not in their place
        told["mode"] = "upsert" if told.get("key") else "append"
    known = {name: value for name, value in told.items() if name in config.SETTINGS}
    for name in _OF_THE_RUN_ALONE:
        known.pop(name, None)
    return known  # type: ignore[return-value] # config.resolve reads each value
