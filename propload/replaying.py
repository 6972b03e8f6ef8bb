"""Loading refused rows again, after what they were refused for was mended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from propload import config
from propload.batch import Batch
from propload.choosing import open_database
from propload.errors import ConfigError
from propload.monitoring.metrics import Metrics
from propload.planning import Plan
from propload.rejecting import RejectStore
from propload.rejecting.lines import each_line, rows_as_read
from propload.reports import ReportStore
from propload.running import Run
from propload.stopping import stoppable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl
    from typing_extensions import Unpack

    from propload.options import Settings
    from propload.rejecting.lines import Line
    from propload.report import Plain, Report


#: Rows of one source and of the same columns that are mended and loaded together.
ROWS_AT_ONCE = 10_000


class Fix(Protocol):
    """Mends refused rows."""

    def __call__(self, frame: pl.DataFrame, /) -> pl.DataFrame:
        """Return the rows as they should have been read; rows may be left out.

        Args:
            frame: Refused rows of one source, columns as read; it is called for up
                to `ROWS_AT_ONCE` of them at a time.
        """


def replay(
    run_id: str = "", /, *, fix: Fix | None = None, **settings: Unpack[Settings]
) -> Report:
    """Load the refused rows of a run again and return what happened.

    The settings are those of the run; what is given differs from them. What is
    refused again is kept under the new run's name; rows that could not be read at
    all stay where they are, since only their file can be mended.

    Args:
        run_id: The run, or how its name begins; the newest by default.
        fix: Mends the rows before they are mapped and checked.
        **settings: What differs from the run's own: a mended mapping or schema.

    Raises:
        ConfigError: There is no such run, or no row of it can be replayed.
        LoadError: The run stopped early; the refused rows stay.
    """
    places = Plan.of(config.resolve(settings)).places
    store = RejectStore(places.rejects)
    path = store.files.find(run_id)
    plan = _plan_of(path.stem, ReportStore(places.runs), settings)
    source = RejectSource(path, fix)
    if not any(True for _ in source.lines()):
        msg = (
            f"the refused rows of run {path.stem} could not be read at all: mend the "
            "file and ingest it again"
        )
        raise ConfigError(msg)
    run = Run(source, plan, metrics=Metrics())
    report = stoppable(lambda stopper: stopper.execute(run))
    if report.status == "loaded":
        # every replayed row is loaded by now, or refused under the new run's name
        store.keep(path.stem, lambda line: not was_read(line))
    return report


def _plan_of(run_id: str, reports: ReportStore, given: Settings) -> Plan:
    """Return what holds for a replay: what the run was told, and what is given now."""
    if not reports.files.path(run_id).exists():
        return Plan.of(config.resolve(given))
    report = reports.read(run_id)
    plan = Plan.of(config.resolve({**_settings_of(report), **given}))
    if "to" not in given:
        with open_database(plan) as database:
            label = database.label
        if label != report.target.database:
            msg = (
                f"the rows of run {run_id} were refused by {report.target.database}, "
                f"but would go to {label}: say where to with --to"
            )
            raise ConfigError(msg)
    return plan


def _settings_of(report: Report) -> Settings:
    """Return the settings of a run from its report, and its table."""
    told: dict[str, Plain] = dict(report.settings)
    objects = told.pop("objects", None)
    for name in objects if isinstance(objects, list) else []:
        told.pop(str(name), None)
    told["table"] = report.target.table
    if told.get("mode") == "replace":
        # the rows belong to those that replaced the table, not in their place
        told["mode"] = "upsert" if told.get("key") else "append"
    known = {name: value for name, value in told.items() if name in config.SETTINGS}
    known.pop("resume", None)
    return known  # type: ignore[return-value] # config.resolve reads each value


def was_read(line: Line, /) -> bool:
    """Return whether a refused row was read, so that it can be loaded again."""
    return line["values"] is not None


@dataclass(frozen=True, slots=True)
class RejectSource:
    """Refused rows as a source: each keeps its source and number.

    Attributes:
        path: The file of the run that refused them.
        fix: Mends them, or None.
    """

    path: Path
    fix: Fix | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"rejects of {self.path.stem}"

    @property
    def rereadable(self) -> bool:
        """Whether iterating again gives the same rows."""
        return True

    @property
    def size_hint(self) -> int | None:
        """The rows, which nobody has counted."""
        return None

    def fingerprint(self) -> str | None:
        """Return None: the file shrinks as rows are replayed."""
        return None

    def lines(self) -> Iterator[Line]:
        """Yield the rows that were read."""
        return (line for _, line in each_line(self.path) if was_read(line))

    def __iter__(self) -> Iterator[Batch]:
        for _, alike in groupby(self.lines(), _kind):
            while part := list(islice(alike, ROWS_AT_ONCE)):
                yield self._batch(part)

    def _batch(self, part: list[Line]) -> Batch:
        read = rows_as_read([line["values"] for line in part])
        rows = self._mended(read, part[0]["source"])
        numbers = tuple(line["row"] for line in part)
        if rows.num_rows != len(part):
            numbers = tuple(range(1, rows.num_rows + 1))
        moment = part[0].get("as_of")
        return Batch(
            rows,
            part[0]["source"],
            numbers[0] if numbers else 1,
            numbers,
            untyped=True,
            as_of=datetime.fromisoformat(moment) if moment else None,
        )

    def _mended(self, read: pl.DataFrame, source: str) -> pa.RecordBatch:
        try:
            table = pa.table(read if self.fix is None else self.fix(read))
            columns = [column.combine_chunks() for column in table.columns]
            return pa.RecordBatch.from_arrays(columns, schema=table.schema)
        except Exception as error:
            name = getattr(self.fix, "__qualname__", type(self.fix).__name__)
            msg = (
                f"the fix {name} failed on {read.height:,} refused rows of {source}: "
                f"{type(error).__name__}: {error}. It has to return a frame of rows"
            )
            raise ConfigError(msg) from error


def _kind(line: Line) -> tuple[object, ...]:
    """Return what the rows of a batch share, so that none gets nulls it had not."""
    return line["source"], line.get("as_of"), tuple(line["values"])
