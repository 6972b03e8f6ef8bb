"""The main entry point: `ingest()` loads a source."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import TYPE_CHECKING, Unpack, cast

from propload import config
from propload.arguments import require_event, require_mapping
from propload.display import watch
from propload.earlier_runs.recovering import recover_first
from propload.errors import ConfigError
from propload.messages.suggestions import SLIP, suggest
from propload.monitoring.metrics import Metrics, metrics_or_new
from propload.names.spider_names import is_spider
from propload.options import CrawlOptions, Settings
from propload.report import Report
from propload.running.choosing import default_settings
from propload.running.planning import Plan, source_options
from propload.running.run import Run
from propload.running.stopping import run_stoppable
from propload.settings_signature import names_settings
from propload.sources import open_source

if TYPE_CHECKING:
    from propload.running.stopping import Stopper
    from propload.sources.source import Source


@names_settings(Settings)
def ingest(
    source: object,
    /,
    *,
    job: str | None = None,
    metrics: Metrics | None = None,
    arguments: Mapping[str, object] | None = None,
    crawl_settings: Mapping[str, object] | None = None,
    stop: Event | None = None,
    **settings: Unpack[Settings],
) -> Report:
    """Load a source into a PostgreSQL table and return what happened.

    A signal (Ctrl-C, SIGTERM) ends the run cleanly: the report that is returned has the
    status `interrupted`. A handler that the program had set is called afterwards.

    Args:
        source: A path, glob, folder, `-` or a list of these; a Polars, pandas or
            pyarrow table; an iterable of these, or of dicts, dataclasses or pydantic
            objects; a spider's class, `spider:NAME` or `MODULE:CLASS`.
        job: The job of the configuration file whose settings apply.
        metrics: Counters to update during the run; new ones by default.
        arguments: Arguments of a spider. Keywords that are not settings are passed to
            it too, but type checkers reject those.
        crawl_settings: Scrapy settings for a spider.
        stop: Stops the run as a signal does, from any thread, once the program sets it.
        **settings: Settings that differ from configuration and defaults; see
            docs/configuration.md.

    Raises:
        ConfigError: A setting, mapping or schema cannot be used.
        SourceError: The source cannot be opened.
        WriteError: The database cannot be reached, or refused something before the run
            began.
        LoadError: The run stopped early; its `report` says what was loaded. It is also
            a `SourceError`, `SchemaMismatchError`, `WriteError`, ... if one of these
            ended the run.
        KeyboardInterrupt: The run was told to stop twice, or before anything was read;
            if it was told by `stop`, a LoadError is raised instead.
    """
    if stop is not None:
        require_event("stop", stop)
    crawl = crawl_options(source, arguments, crawl_settings)
    plan, opened = plan_and_open(source, settings, crawl, job=job)
    metrics = metrics_or_new(metrics)
    run = Run(opened, plan, metrics=metrics)

    def load(stopper: Stopper) -> Report:
        recover_first(plan, opened, stopper)
        return stopper.execute(run)

    with watch(metrics, wanted=plan.shows_progress):
        return run_stoppable(load, stop=stop)


def crawl_options(
    source: object,
    arguments: Mapping[str, object] | None,
    crawl_settings: Mapping[str, object] | None,
) -> CrawlOptions:
    """Return a spider's arguments and Scrapy settings.

    Args:
        source: As for `ingest`.
        arguments: The spider's arguments, or None.
        crawl_settings: Scrapy settings, or None.

    Raises:
        ConfigError: One of them is not a mapping, or is given for a source that is not
            a spider.
    """
    mappings: dict[str, object] = {
        "arguments": arguments,
        "crawl_settings": crawl_settings,
    }
    for name, mapping in mappings.items():
        if not mapping:
            continue
        require_mapping(name, mapping)
        if not is_spider(source):
            msg = f"{name}: only a spider takes them, leave them out"
            raise ConfigError(msg)
    return CrawlOptions(arguments or {}, crawl_settings or {})


def plan_and_open(
    source: object, settings: Settings, crawl: CrawlOptions, *, job: str | None
) -> tuple[Plan, Source]:
    """Return the plan for loading a source, and the opened source.

    Args:
        source: As for `ingest`.
        settings: Keywords or flags; for a spider, its arguments may be among them.
        crawl: More arguments of a spider, and its Scrapy settings.
        job: The job of the configuration file, or None.

    Raises:
        ConfigError: A setting cannot be used.
        SourceError: The source cannot be opened.
    """
    arguments, run_settings = (
        _split_settings(settings) if is_spider(source) else ({}, settings)
    )
    plan = Plan.of(run_settings, job=job)
    crawl = CrawlOptions(
        {**crawl.arguments, **arguments}, {**_crawl_moment(plan), **crawl.settings}
    )
    opened = open_source(source, source_options(plan), crawl)
    return plan.with_defaults(default_settings(opened, plan.settings)), opened


def _crawl_moment(plan: Plan) -> dict[str, object]:
    """Return the Scrapy setting from which a spider of saved pages takes their date."""
    moment = plan.settings.get("as_of")
    return {"PROPLOAD_AS_OF": moment} if moment else {}


def _split_settings(settings: Settings) -> tuple[dict[str, object], Settings]:
    """Return the arguments of a spider, and the settings of the run.

    Raises:
        ConfigError: An argument is probably a misspelled setting.
    """
    run_settings = dict(settings)
    arguments = {
        name: run_settings.pop(name) for name in settings if name not in config.SETTINGS
    }
    for name in arguments:
        hint = suggest(name, config.SETTINGS, cutoff=SLIP)
        if hint:
            msg = (
                f"{name!r} is not a setting{hint} A spider's argument of that "
                f"name goes into arguments={{{name!r}: ...}}"
            )
            raise ConfigError(msg)
    return arguments, cast("Settings", run_settings)
