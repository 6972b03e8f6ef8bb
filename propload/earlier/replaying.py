"""Loading rejected rows again, after what they were rejected for was fixed."""

from __future__ import annotations

import hashlib
import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice
from typing import TYPE_CHECKING, Protocol

import polars as pl
import pyarrow as pa

from propload import config
from propload.batch import Batch
from propload.beginnings import BeginningStore
from propload.earlier.settled import how_to_settle, settled_pieces
from propload.errors import ConfigError
from propload.monitoring.metrics import Metrics
from propload.postgres.ledger.history import read_runs
from propload.rejecting import RejectStore
from propload.rejecting.lines import OWN_PREFIX, each_line, piece_of, rows_as_read
from propload.reports import ReportStore
from propload.running.choosing import open_database
from propload.running.planning import Plan, object_names, require_objects
from propload.running.resuming import Resuming
from propload.running.run import Run
from propload.running.stopping import stoppable
from propload.target import TableName
from propload.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Unpack

    from propload.earlier.settled import Pieces
    from propload.options import Settings
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.loading import Database
    from propload.rejecting.lines import Line
    from propload.report import Plain, Report


log = logging.getLogger(__name__)

#: Rows of one source and of the same columns that are mended and loaded together.
ROWS_AT_ONCE = 10_000
_BLOCK_BYTES = 1 << 20
#: Where a row stands in its source, for a fix to keep.
_ROW = OWN_PREFIX + "row"


class Fix(Protocol):
    """Mends rejected rows."""

    def __call__(self, frame: pl.DataFrame, /) -> pl.DataFrame:
        """Return the rows as they should have been read; rows may be left out.

        Args:
            frame: Rejected rows of one source, columns as read, and `propload_row`,
                the number of each in its source; it is called for up to
                `ROWS_AT_ONCE` of them at a time. Messages name the number that a
                row is returned with. Without that column rows are taken for those
                given, in their order: there have to be as many. `pl.all()` and
                `unique()` see it too: `pl.exclude("propload_row")`,
                `unique(subset=...)`.
        """


def replay(
    run_id: str = "", /, *, fix: Fix | None = None, **settings: Unpack[Settings]
) -> Report:
    """Load the rejected rows of a run again and return what happened.

    The settings are those of the run; what is given differs from them. What is
    rejected again is kept under the new run's name; rows that could not be read at
    all stay where they are, since only their file can be fixed. A replay that adds
    rows and was stopped or killed is continued: no row is added twice.

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
        try:
            _forget(source, store, plan)
        except OSError as error:
            # a replay that adds rows knows them again, and any other changes nothing
            log.warning("the rejected rows stay in %s: %s", path, error)
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
    store.keep(source.path.stem, lambda line: not source.takes(line))
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
    known.pop("resume", None)
    return known  # type: ignore[return-value] # config.resolve reads each value


def was_read(line: Line, /) -> bool:
    """Return whether a rejected row was read, so that it can be loaded again."""
    return line["values"] is not None


@dataclass(frozen=True, slots=True)
class RejectSource:
    """Rejected rows as a source: each keeps its source and number.

    Attributes:
        path: The file of the run that refused them.
        fix: Mends them, or None.
        settled: The pieces that are committed; the rows of others are left alone. None
            where all rows may be loaded.
    """

    path: Path
    fix: Fix | None = None
    settled: Pieces | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"rejects of {self.path.stem}"

    @property
    def rereadable(self) -> bool:
        """Whether iterating again gives the same rows."""
        return True

    def fingerprint(self) -> str | None:
        """Return a hash of the rows and of the name of what mends them."""
        found = hashlib.sha256(_name_of(self.fix).encode())
        with self.path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                found.update(block)
        return found.hexdigest()

    def lines(self) -> Iterator[Line]:
        """Yield the rows that are loaded: they were read, and do not come again."""
        return (line for _, line in each_line(self.path) if self.takes(line))

    def waiting(self) -> Iterator[Line]:
        """Yield the rows that were read, and come again with their batch."""
        read = (line for _, line in each_line(self.path) if was_read(line))
        return (line for line in read if not self.takes(line))

    def takes(self, line: Line, /) -> bool:
        """Return whether a row is among those that are loaded."""
        is_settled = self.settled is None or piece_of(line) in self.settled
        return was_read(line) and is_settled

    def __iter__(self) -> Iterator[Batch]:
        for _, alike in groupby(self.lines(), _kind):
            while part := list(islice(alike, ROWS_AT_ONCE)):
                yield self._batch(part)

    def _batch(self, part: list[Line]) -> Batch:
        source = part[0]["source"]
        read = rows_as_read([line["values"] for line in part])
        numbers = tuple(line["row"] for line in part)
        if self.fix is None:
            rows = _as_rows(read)
        else:
            rows, found = self._numbered(read, numbers, self.fix, source)
            if found is not None:
                numbers = found
            elif rows.num_rows != len(part):
                msg = (
                    f"the fix {_name_of(self.fix)} made "
                    f"{counted(rows.num_rows, 'row')} of {len(part):,} without whole "
                    f"numbers in {_ROW}: keep that column, so that messages name the "
                    "right rows"
                )
                raise ConfigError(msg)
        moment = part[0].get("as_of")
        return Batch(
            rows,
            source,
            numbers[0] if numbers else 1,
            numbers,
            untyped=True,
            as_of=datetime.fromisoformat(moment) if moment else None,
        )

    def _numbered(
        self, read: pl.DataFrame, numbers: tuple[int, ...], fix: Fix, source: str
    ) -> tuple[pa.RecordBatch, tuple[int, ...] | None]:
        """Return mended rows, and the numbers that they came back with, if they did."""
        if _ROW in read.columns:
            # the rows' own column of that name is left alone
            return self._mended(read, fix, source), None
        given = read.with_columns(pl.Series(_ROW, numbers, pl.Int64))
        rows = self._mended(given, fix, source)
        if _ROW not in rows.schema.names:
            return rows, None
        return rows.drop_columns([_ROW]), _whole(rows[_ROW])

    def _mended(self, read: pl.DataFrame, fix: Fix, source: str) -> pa.RecordBatch:
        try:
            return _as_rows(fix(read))
        except Exception as error:
            msg = (
                f"the fix {_name_of(fix)} failed on "
                f"{counted(read.height, 'rejected row')} "
                f"of {source}: {type(error).__name__}: {error}. It has to return a "
                "frame of rows"
            )
            raise ConfigError(msg) from error


def _as_rows(frame: object) -> pa.RecordBatch:
    table = pa.table(frame)
    columns = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _whole(column: pa.Array) -> tuple[int, ...] | None:
    """Return the whole numbers of a column, or None where a value is none."""
    try:
        numbers = column.cast(pa.int64())
    except pa.ArrowException:
        return None
    return None if numbers.null_count else tuple(numbers.to_pylist())


def _name_of(fix: Fix | None) -> str:
    return getattr(fix, "__qualname__", type(fix).__name__)


def _kind(line: Line) -> tuple[object, ...]:
    """Return what the rows of a batch share, so that none gets nulls it had not."""
    return line["source"], line.get("as_of"), tuple(line["values"])
