"""Measures which batch size and number of workers suit one's own rows and server."""

from __future__ import annotations

import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from propload.arguments import require_count, require_function, require_seconds
from propload.errors import ConfigError, LoadError, load_error_for
from propload.messages.tracebacks import short_interrupts
from propload.monitoring.metrics import Metrics
from propload.names.spider_names import is_spider
from propload.options import BATCH_ROWS, UNTRIED, WORKERS, Places, Settings
from propload.postgres.tables.scratching import ScratchNamespace
from propload.running.choosing import (
    find_checker,
    find_dsn,
    find_target,
    open_database,
)
from propload.running.planning import Plan, source_options
from propload.running.run import Run
from propload.settings_signature import names_settings
from propload.sources import open_source
from propload.target import TableName
from propload.trials import FEWEST_PAIRS, MOST_PAIRS, Trial, Tuning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.batch import Batch
    from propload.sources.source import Source

#: Default number of rows for the trials: two batches of the largest size.
SAMPLE_ROWS = 400_000
#: About how long a search takes by default.
SECONDS = 60.0
WORKERS_TRIED = (1, 2, 4, 8)
BATCH_ROWS_TRIED = (2_000, 10_000, 25_000, 50_000, 100_000, 200_000)
#: Comparisons may exceed the remaining time by this factor: it is only approximate.
_SLACK = 1.2
_SEARCHED = frozenset({"batch_rows", "workers"})


@names_settings(Settings)
def tune(
    source: object,
    /,
    *,
    job: str | None = None,
    rows: int = SAMPLE_ROWS,
    seconds: float = SECONDS,
    on_trial: Callable[[Trial], None] | None = None,
    **settings: Unpack[Settings],
) -> Tuning:
    """Return which batch size and how many workers load these rows fastest.

    The first rows are loaded repeatedly into tables in a separate namespace, which is
    removed afterwards, even if this is interrupted. The target table is only inspected.

    Args:
        source: What `propload.ingest` takes, such as a file, a frame or a list, but not
            a spider.
        job: The job of the configuration file whose settings apply.
        rows: Most rows read for the trials.
        seconds: About how long the search may take, more than 0.
        on_trial: Called with each trial when it is done.
        **settings: Settings that differ from configuration and defaults; not batch
            size, workers, journal, lock, resume or progress.

    Raises:
        ConfigError: A setting or an argument cannot be used, there is no row to try,
            or the source is a spider.
        SourceError: The source cannot be read, or is empty.
        WriteError: The database cannot be reached.
        LoadError: The rows cannot be loaded.
    """
    if is_spider(source):
        msg = f"{source} is a crawl: tune with a file of its rows"
        raise ConfigError(msg)
    require_count("rows", rows)
    require_seconds("seconds", seconds)
    if seconds <= 0:
        msg = f"seconds is {seconds!r}: give more than 0"
        raise ConfigError(msg)
    report_trial = on_trial or (lambda _: None)
    require_function("on_trial", report_trial)
    _refuse_untried(settings)
    plan = Plan.of(settings, job=job)
    opened = open_source(source, source_options(plan))
    sample = Sample.of(opened, rows)
    with short_interrupts(), _Bench.open(plan, sample) as bench:
        bench.load(BATCH_ROWS, WORKERS)  # imports and caches: not counted
        return _Search(bench, seconds, report_trial).run()


def _refuse_untried(settings: Settings) -> None:
    for name in sorted(UNTRIED.intersection(settings)):
        why = "is what tune searches for" if name in _SEARCHED else "does not apply"
        msg = f"{name} {why}: tune without it"
        raise ConfigError(msg)


class Sample:
    """The first rows of a source, kept in memory so that reading them costs nothing.

    Attributes:
        name: The source's name.
        rereadable: True: it is read once for each trial.
        rows: How many rows it has.
    """

    rereadable = True

    def __init__(self, name: str, batches: Sequence[Batch]) -> None:
        self.name = name
        self._batches = tuple(batches)
        self.rows = sum(one.rows.num_rows for one in batches)

    @classmethod
    def of(cls, source: Source, rows: int, /) -> Sample:
        """Return the first rows of a source as a sample.

        Raises:
            ConfigError: There are none.
        """
        kept: list[Batch] = []
        remaining = rows
        for batch in source:
            kept.append(batch.slice(0, min(remaining, batch.height)))
            remaining -= batch.height
            if remaining <= 0:
                break
        if not sum(batch.rows.num_rows for batch in kept):
            msg = f"{source.name} has no row to try"
            raise ConfigError(msg)
        return cls(source.name, kept)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)

    def fingerprint(self) -> str | None:
        """Return None, because a trial is never resumed."""
        return None


@dataclass(frozen=True, slots=True)
class _Bench:
    """Loads the sample into scratch tables.

    Attributes:
        plan: The plan of each trial, but for its table and sizes.
        sample: The rows.
        scratch: Creates and drops the scratch tables.
        tables: Yields their numbers.
        target: The table that they are created like, for messages.
    """

    plan: Plan
    sample: Sample
    scratch: ScratchNamespace
    tables: count[int]
    target: str

    @classmethod
    @contextmanager
    def open(cls, plan: Plan, sample: Sample) -> Iterator[_Bench]:
        """Yield a bench; its namespace and folder are removed afterwards."""
        with (
            open_database(plan) as database,
            tempfile.TemporaryDirectory(prefix="propload-tune-") as folder,
        ):
            checker = find_checker(plan.settings)
            target = find_target(
                plan, checker, sample, database, stop=threading.Event()
            )
            # a job may set how its runs are resumed, which does not apply to trials
            applied = {n: v for n, v in plan.settings.items() if n not in UNTRIED}
            # trials have their own state folder, in which there is no embedded database
            fixed = {"to": find_dsn(plan), "key": target.key, "mode": target.mode}
            settings = cast("Settings", {**applied, **fixed})
            places = Places(Path(folder))
            name = f"propload_tune_{secrets.token_hex(4)}"
            with ScratchNamespace.open(
                database.connect(), name, target.table
            ) as scratch:
                trial = Plan(settings, plan.options, places)
                yield cls(trial, sample, scratch, count(), str(target.table))

    def load(self, batch_rows: int, workers: int) -> Trial:
        """Load the sample into a new table, drop the table, and return the trial.

        Raises:
            LoadError: The sample cannot be loaded.
        """
        with self.scratch.table(f"trial_{next(self.tables)}") as table:
            settings: Settings = {**self.plan.settings, "table": table}
            plan = replace(self.plan, settings=settings)
            plan = plan.with_sizes(batch_rows=batch_rows, workers=workers)
            try:
                report = Run(self.sample, plan, metrics=Metrics()).execute()
            except LoadError as error:
                # the error's own message says how to resume, which a trial never does
                msg = f"the rows cannot be tried: {error.__cause__ or error}"
                # the user does not know the scratch table
                msg = msg.replace(str(TableName.parse(table)), self.target)
                raise load_error_for(error, msg) from error
        return Trial(
            batch_rows,
            workers,
            report.seconds,
            report.rows_per_second,
            report.peak_memory_bytes,
        )


class _Search:
    """Tries choices, then compares the leading one with the default.

    A choice may lead by chance among single loads, so only loads made after it was
    chosen decide. They alternate, because a machine is busier at some times than at
    others.
    """

    def __init__(
        self, bench: _Bench, seconds: float, on_trial: Callable[[Trial], None]
    ) -> None:
        self._bench = bench
        self._on_trial = on_trial
        self._deadline = time.monotonic() + seconds
        self._trials: list[Trial] = []
        #: How long the last load of each choice took, including creating and dropping
        #: its table.
        self._load_seconds: dict[tuple[int, int], float] = {}

    def run(self) -> Tuning:
        """Return the result of the search."""
        self._screen()
        pairs = tuple(self._compare(self._results))
        return replace(self._results, pairs=pairs)

    @property
    def _results(self) -> Tuning:
        sample = self._bench.sample
        return Tuning(sample.name, sample.rows, tuple(self._trials))

    def _screen(self) -> None:
        """Try workers with the default batch size, then sizes with the best of them."""
        # the default comes first, so that there is always something to compare with
        for workers in sorted(
            WORKERS_TRIED, key=lambda workers: abs(workers - WORKERS)
        ):
            self._try(BATCH_ROWS, workers)
        workers, rows = self._results.leading.workers, self._bench.sample.rows
        for batch_rows in BATCH_ROWS_TRIED:
            # the rows must make several batches, or the size is not what is measured
            if batch_rows != BATCH_ROWS and batch_rows < rows:
                self._try(batch_rows, workers)
        for batch_rows, workers in self._results.finalists:
            self._try(batch_rows, workers)

    def _try(self, batch_rows: int, workers: int) -> None:
        """Load once, if that leaves enough time for the comparisons."""
        if self._trials:
            typical = statistics.median(self._load_seconds.values())
            remaining = self._deadline - time.monotonic()
            if remaining < typical * (1 + 2 * FEWEST_PAIRS):
                return
        self._load(batch_rows, workers)

    def _compare(self, results: Tuning) -> Iterator[tuple[Trial, Trial]]:
        if not results.is_open:
            return
        default, leading = (BATCH_ROWS, WORKERS), results.leading.choice
        pair_seconds = self._load_seconds[default] + self._load_seconds[leading]
        # fixed beforehand: ending as soon as the result looks good would favour chance
        pairs = min(
            MOST_PAIRS, int((self._deadline - time.monotonic()) / pair_seconds * _SLACK)
        )
        if pairs < FEWEST_PAIRS:
            return
        for number in range(pairs):
            # alternate the order: the first load affects the server for the second
            order = (default, leading)[:: -1 if number % 2 else 1]
            loaded = {one: self._load(*one) for one in order}
            yield loaded[default], loaded[leading]

    def _load(self, batch_rows: int, workers: int) -> Trial:
        began = time.monotonic()
        trial = self._bench.load(batch_rows, workers)
        self._load_seconds[trial.choice] = time.monotonic() - began
        self._trials.append(trial)
        self._on_trial(trial)
        return trial
