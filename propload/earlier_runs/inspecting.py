"""Returns what earlier runs have left: their reports and their rejected rows."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import polars as pl

from propload.earlier_runs.gone_rejects import explain_no_rejects, find_rejected
from propload.earlier_runs.shown_runs import ShownReports
from propload.errors import ConfigError
from propload.options import FileSettings, TableSettings
from propload.rejecting import RejectStore
from propload.rejecting.reading import read_rejects
from propload.report import Report
from propload.running.planning import Plan
from propload.running.run_ids import require_run_id
from propload.settings_signature import names_settings
from propload.state.report_store import ReportStore
from propload.target import parse_table

if TYPE_CHECKING:
    from propload.messages.suggested_commands import Commands
    from propload.state.run_files import RunFiles

log = logging.getLogger(__name__)


@names_settings(FileSettings)
def rejects(run_id: str = "", **settings: Unpack[FileSettings]) -> pl.DataFrame:
    """Return the rejected rows of a run, with their reasons.

    The columns of the rows are as they were read. Columns about each row begin with
    `propload_`: `propload_source` and `propload_row` say where it is,
    `propload_reasons` why it was rejected, as one text, and `propload_reason_list` the
    same in parts: stage, column, check, value, message, sqlstate. If all rows of the
    run were replayed, the frame is empty, and a warning says by which run.

    Args:
        run_id: The run, or a prefix of its id; by default the newest run with rejected
            rows or, if an unfinished replay is newer, the run that it replays.
        **settings: `state_dir`, if it is not the default.

    Raises:
        ConfigError: There is no such run, or its rejected rows were dropped; or another
            setting is given.
    """
    places = Plan.of_few(settings, FileSettings, function="rejects").readable_places()
    run_id = require_run_id(run_id)
    try:
        path = find_rejected(run_id, places)
    except ConfigError:
        explanation = explain_no_rejects(run_id, places)
        if explanation is None or explanation.were_dropped:
            raise
        log.warning("%s", explanation.message)
        path = RejectStore(places.rejects).files.path(explanation.run_id)
    return read_rejects(path)


@names_settings(TableSettings)
def runs(limit: int = 0, **settings: Unpack[TableSettings]) -> list[Report]:
    """Return the reports of runs that have ended, newest first.

    Args:
        limit: The most reports to return; 0 for all.
        **settings: `table`, to return only its runs; `state_dir`, if it is not the
            default.

    Raises:
        ConfigError: `limit` is not a number of reports, `table` is not a name, or
            another setting is given.
    """
    plan = Plan.of_few(settings, TableSettings, function="runs")
    places = plan.readable_places()
    # the argument alone: a table set in the environment only applies to loads
    table = parse_table(settings.get("table"))
    reports = ReportStore(places.runs).newest(limit, table=table)
    rejected = RejectStore(places.rejects).files
    # once for all: it reads the configuration, which for years of reports takes seconds
    commands = plan.commands
    return ShownReports(
        _with_rejects_reader(report, rejected, commands) for report in reports
    )


def _with_rejects_reader(
    report: Report, rejected: RunFiles, commands: Commands
) -> Report:
    """Return a report that can read its rejected rows, if there are any."""
    path = Path(report.rejects_path or rejected.path(report.run_id))
    read = partial(read_rejects, path)
    return replace(report, read_rejects=read, commands=commands)
