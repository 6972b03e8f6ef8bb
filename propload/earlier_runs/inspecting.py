"""What earlier runs left to look at: their reports and the rows they refused."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import polars as pl

from propload.earlier_runs.gone_rejects import find_rejected, look_for_none
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
def rejects(run_id: str = "", /, **settings: Unpack[FileSettings]) -> pl.DataFrame:
    """Return the rejected rows of a run, one line per row, with their reasons.

    The columns of the rows are as they were read. Columns about each row begin
    with `propload_`: `propload_source` and `propload_row` say where it is,
    `propload_reasons` why it was rejected, in one text, and `propload_reason_list` the
    same in parts: stage, column, check, value, message, sqlstate. For a run whose rows
    were all replayed the frame is empty, and a warning says by which run.

    Args:
        run_id: The run, or how its name begins; by default the newest, or the one whose
            replay, newer than that, has not ended.
        **settings: `state_dir`, where it is not the usual one.

    Raises:
        ConfigError: There is no such run, or its rejected rows were dropped; or another
            setting is given.
    """
    places = Plan.of_few(settings, FileSettings, function="rejects").readable_places()
    run_id = require_run_id(run_id)
    try:
        path = find_rejected(run_id, places)
    except ConfigError:
        nothing = look_for_none(run_id, places)
        if nothing is None or nothing.were_dropped:
            raise
        log.warning("%s", nothing.told)
        path = RejectStore(places.rejects).files.path(nothing.run_id)
    return read_rejects(path)


@names_settings(TableSettings)
def runs(limit: int = 0, /, **settings: Unpack[TableSettings]) -> list[Report]:
    """Return the reports of runs that have ended, newest first.

    Args:
        limit: Most reports; 0 for all.
        **settings: `table`, whose runs are meant; `state_dir`, where it is not the
            usual one.

    Raises:
        ConfigError: `limit` is not a number of reports, `table` not a name, or another
            setting is given.
    """
    plan = Plan.of_few(settings, TableSettings, function="runs")
    places = plan.readable_places()
    # a table of the environment is for loads
    table = parse_table(settings.get("table"))
    found = ReportStore(places.runs).newest(limit, table=table)
    rejected = RejectStore(places.rejects).files
    # to word them the configuration is read, which of years of reports takes seconds
    commands = plan.commands
    return ShownReports(_readable(one, rejected, commands) for one in found)


def _readable(report: Report, rejected: RunFiles, commands: Commands) -> Report:
    """Return a report that finds its rejected rows, of which there may be none."""
    path = Path(report.rejects_path or rejected.path(report.run_id))
    read = partial(read_rejects, path)
    return replace(report, read_rejects=read, commands=commands)
