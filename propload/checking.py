"""`check()`: what a load would do, found out without writing anything."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from propload.choosing import (
    choose_table,
    choose_target,
    find_checker,
    open_database,
)
from propload.composing import make_preparer
from propload.errors import ConfigError
from propload.ingesting import plan_and_open
from propload.looking import CheckedTable, Looking
from propload.options import CrawlOptions
from propload.prepare.joining import Joiner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Unpack

    from propload.batch import Batch
    from propload.check_report import CheckReport
    from propload.options import Settings

#: Batches are joined to this many rows: large, since nothing waits for them.
CHECKED_ROWS = 100_000


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
        source: As for `ingest`; it is read, or crawled, to its end.
        job: A job of the configuration file whose settings hold.
        arguments: What a spider is told, as for `ingest`.
        crawl_settings: Scrapy's settings for a spider.
        **settings: As for `ingest`.

    Raises:
        ConfigError: A setting, mapping or schema cannot be used.
        SourceError: The source cannot be read.
    """
    crawl = CrawlOptions(arguments or {}, crawl_settings or {})
    plan, opened = plan_and_open(source, settings, crawl, job=job)
    checker = find_checker(plan.settings)
    defaults = checker.target_defaults if checker else None
    table = choose_table(plan.settings, defaults, opened.name)
    with open_database(plan) as database:
        facts = database.facts(table)
        problems: list[str] = []
        try:
            target = choose_target(plan.settings, defaults, table, facts)
        except ConfigError as error:
            problems.append(str(error))
            without_key: Settings = {**plan.settings, "mode": "append"}
            target = choose_target(without_key, defaults, table, facts)
        pg_types = checker.pg_types if checker else {}
        with ExitStack() as stack:
            looking = Looking(
                make_preparer(plan, opened, checker, target),
                CheckedTable(database, target, facts, pg_types, stack),
                problems,
                one_by_one=not opened.rereadable,
            )
            for joined in Joiner(_Given(iter(opened)), lambda: CHECKED_ROWS, 0.0):
                looking.look(joined)
            return looking.report(opened.name, getattr(opened, "notes", ()))


class _Given:
    """Batches for a joiner, without a queue between."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches

    def get(self, *, timeout: float | None = None) -> Batch | None:  # noqa: ARG002 - a file never makes one wait
        return next(self._batches, None)
