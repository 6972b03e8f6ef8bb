"""What earlier runs left to look at: their reports and the rows they refused."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from propload import config
from propload.rejecting import RejectStore
from propload.rejecting.lines import read_rejects
from propload.reports import ReportStore
from propload.running.planning import Plan
from propload.target import parse_table

if TYPE_CHECKING:
    import polars as pl
    from typing_extensions import Unpack

    from propload.options import Settings
    from propload.report import Report


def rejects(run_id: str = "", /, **settings: Unpack[Settings]) -> pl.DataFrame:
    """Return the refused rows of a run, one line a row, with their reasons.

    The columns of the rows stand as they were read. What is told of each row begins
    with `propload_`: `propload_source` and `propload_row` say where it stands,
    `propload_reasons` why it was refused, in one text, and `propload_reason_list` the
    same in parts: stage, column, check, value, message, sqlstate.

    Args:
        run_id: The run, or how its name begins; the newest by default.
        **settings: `state_dir`, where it is not the usual one.

    Raises:
        ConfigError: There is no such run with refused rows, or another setting is
            given.
    """
    config.refuse_others(settings, {"state_dir"}, function="propload.rejects")
    plan = Plan.of(config.resolve(settings))
    return read_rejects(RejectStore(plan.places.rejects).files.find(run_id))


def runs(limit: int = 0, /, **settings: Unpack[Settings]) -> list[Report]:
    """Return the reports of runs that have ended, newest first.

    Args:
        limit: Most reports; 0 for all.
        **settings: `table`, whose runs are meant; `state_dir`, where it is not the
            usual one.

    Raises:
        ConfigError: `table` is no name, or another setting is given.
    """
    used = {"table", "state_dir"}
    config.refuse_others(settings, used, function="propload.runs")
    plan = Plan.of(config.resolve(settings))
    # a table of the environment is for loads
    table = parse_table(settings.get("table"))
    found = ReportStore(plan.places.runs).newest(limit, table=table)
    return [_readable(report) for report in found]


def _readable(report: Report) -> Report:
    """Return a report that finds its refused rows, where the store left it any."""
    if report.rejects_path is None:
        return report
    path = Path(report.rejects_path)
    return replace(report, read_rejects=partial(read_rejects, path))
