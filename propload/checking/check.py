"""`check()`: finds out what a load would do, without writing anything."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from propload.checking.checked_table import CheckedTable
from propload.checking.report import CheckReport
from propload.checking.scanning import Scan
from propload.display import check_lines, watch
from propload.errors import ConfigError
from propload.ingesting import crawl_options, plan_and_open
from propload.messages.tracebacks import short_interrupts
from propload.monitoring.metrics import Metrics
from propload.options import Settings
from propload.prepare.joining import Joiner
from propload.report import Counts
from propload.running.choosing import (
    choose_table,
    choose_target,
    find_checker,
    make_preparer,
    open_database,
)
from propload.running.stopping import run_stoppable
from propload.settings_signature import names_settings
from propload.source_capabilities import Stoppable, notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.batch import Batch
    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.checks.validation import Checker
    from propload.running.planning import Plan
    from propload.sources.source import Source
    from propload.target import TableName, Target

#: Rows in a joined batch: many, since nothing waits for them.
CHECKED_ROWS = 100_000
#: Scrapy settings that disable `JOBDIR`: a later crawl that continues from that folder
#: would miss the pages read by the check.
_FROM_ITS_BEGINNING = {"JOBDIR": None}


@names_settings(Settings)
def check(
    source: object,
    /,
    *,
    job: str | None = None,
    arguments: Mapping[str, object] | None = None,
    crawl_settings: Mapping[str, object] | None = None,
    **settings: Unpack[Settings],
) -> CheckReport:
    """Return what `ingest` would do with a source, without writing.

    Args:
        source: As for `ingest`; it is read, or crawled, from its beginning (whatever
            `JOBDIR` says) to its end.
        job: A job of the configuration file whose settings apply.
        arguments: Arguments of a spider, as for `ingest`.
        crawl_settings: Scrapy's settings for a spider.
        **settings: As for `ingest`.

    Raises:
        ConfigError: A setting, mapping or schema cannot be used.
        SourceError: The source cannot be read, or gives no rows.
        WriteError: The database cannot be reached.
        KeyboardInterrupt: A signal arrived. For a crawl that has begun, a second one:
            after the first, the check reports on the rows read so far.
    """
    options = crawl_options(source, arguments, crawl_settings)
    crawl = replace(options, settings={**options.settings, **_FROM_ITS_BEGINNING})
    plan, opened = plan_and_open(source, settings, crawl, job=job)
    metrics = Metrics()
    execution = _Check(plan, opened, metrics=metrics)
    with watch(metrics, wanted=plan.shows_progress, lines=check_lines):
        if not isinstance(opened, Stoppable):
            # an interrupt may end it at any point: nothing has to be finished
            with short_interrupts():
                return execution.execute()
        return run_stoppable(
            lambda stopper: stopper.execute(execution),
            meanwhile="rows already read are still checked",
        )


class _Check:
    """A check; if it is stopped, it reports on the rows read so far."""

    def __init__(self, plan: Plan, source: Source, *, metrics: Metrics) -> None:
        self._plan = plan
        self._source = source
        self._metrics = metrics
        self._stopped = False

    def execute(self) -> CheckReport:
        """Return what a load would do."""
        plan, source = self._plan, self._source
        self._metrics.begin()
        checker = find_checker(plan.settings)
        table = choose_table(plan.settings, checker, source.name)
        opened = open_database(plan, should_stop=lambda: self._stopped)
        with opened as database, ExitStack() as stack:
            facts = database.facts(table)
            target, problems = _target(plan.settings, checker, table, facts)
            pg_types = checker.pg_types if checker else {}
            scan = Scan(
                make_preparer(plan, source, checker, target),
                CheckedTable(database, target, facts, pg_types, stack),
                problems,
                limit=plan.options.max_rejects,
                one_by_one=not source.rereadable,
            )
            feed = _DirectFeed(iter(source), self._metrics)
            for joined in Joiner(feed, lambda: CHECKED_ROWS, 0.0):
                scan.add(joined)
            report = scan.report(source.name, notes_of(source))
        return replace(report, interrupted=self._stopped)

    def stop(self) -> None:
        """Stop reading; the report covers the rows read so far."""
        self._stopped = True
        if isinstance(self._source, Stoppable):
            self._source.stop()

    def abort(self, _error: BaseException) -> None:
        """Stop as well: nothing has to be undone."""
        self.stop()


def _target(
    settings: Settings,
    checker: Checker | None,
    table: TableName,
    facts: TableFacts | None,
) -> tuple[Target, list[str]]:
    """Return the target, and what is wrong with it."""
    try:
        return choose_target(settings, checker, table, facts), []
    except ConfigError as error:
        without_key: Settings = {**settings, "mode": "append"}
        return choose_target(without_key, checker, table, facts), [str(error)]


class _DirectFeed:
    """Gives batches to a joiner directly, without a queue in between."""

    def __init__(self, batches: Iterator[Batch], metrics: Metrics) -> None:
        self._batches = batches
        self._metrics = metrics

    def get(self, *, timeout: float | None = None) -> Batch | None:  # noqa: ARG002 - a check has no deadline
        """Return the next batch, or None after the last one."""
        batch = next(self._batches, None)
        if batch is not None:
            self._metrics.add(Counts(read=batch.height))
        return batch
