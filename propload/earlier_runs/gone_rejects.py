"""Finds the rejected rows of a run, or what happened to them if they are gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.config import commands_for
from propload.earlier_runs.newest_rejects import NewestRejects
from propload.earlier_runs.reject_source import rejects_of
from propload.errors import ConfigError
from propload.messages.wording import counted
from propload.rejecting import RejectStore
from propload.state.report_store import ReportStore

if TYPE_CHECKING:
    from pathlib import Path

    from propload.options import Places
    from propload.report import Report


@dataclass(frozen=True, slots=True)
class NoRejects:
    """What is known about a run that has no rejected rows.

    Attributes:
        run_id: The run.
        message: What happened to those that it had, as a message.
        were_dropped: Whether it had some, but no known replay loaded them.
    """

    run_id: str
    message: str
    were_dropped: bool = False


def find_rejected(run_id: str, places: Places, /) -> Path:
    """Return the file of a run's rejected rows.

    Args:
        run_id: The run, or a prefix of its id; empty for the newest run with rejected
            rows or, if an unfinished replay is newer, the run that it replays.
        places: Where the files of earlier runs are.

    Raises:
        ConfigError: There is no such run, or it has no rejected rows; the message says
            what happened to them.
    """
    if not run_id:
        return NewestRejects(places).find()
    try:
        return RejectStore(places.rejects).files.find(run_id)
    except ConfigError as error:
        explanation = explain_no_rejects(run_id, places)
        if explanation is None:
            raise
        raise ConfigError(explanation.message) from error


def explain_no_rejects(run_id: str, places: Places, /) -> NoRejects | None:
    """Return what is known about a run without rejected rows; None without a report."""
    reports = ReportStore(places.runs)
    report = reports.find(run_id) if run_id else None
    if report is None:
        return None
    run_id, rejected = report.run_id, report.counts.rejected
    if not rejected:
        return NoRejects(run_id, f"run {run_id} has rejected no rows")
    nothing_left = (
        f"nothing is left of the {counted(rejected, 'row')} that run {run_id} rejected"
    )
    replays = _replays_of(run_id, reports)
    if not replays:
        were = "it was" if rejected == 1 else "they were"
        return NoRejects(run_id, f"{nothing_left}: {were} dropped", were_dropped=True)
    replayed = " and ".join(_describe_replay(replay, places) for replay in replays)
    return NoRejects(run_id, f"{nothing_left}: {replayed}")


def _replays_of(run_id: str, reports: ReportStore) -> list[Report]:
    """Return the reports of replays that loaded rows of a run, oldest first."""
    replays = reports.of_source(rejects_of(run_id), since=run_id)
    return [replay for replay in reversed(list(replays)) if replay.status == "loaded"]


def _describe_replay(replay: Report, places: Places) -> str:
    """Return what a replay did with the rows, as a message."""
    description = (
        f"run {replay.run_id} has replayed {counted(replay.counts.read, 'row')}"
    )
    rejected_again = replay.counts.rejected
    if not rejected_again:
        return description
    is_there = RejectStore(places.rejects).files.path(replay.run_id).exists()
    show = commands_for(places.state_dir).show_rejects(replay.run_id)
    command = f" ({show})" * is_there
    return f"{description}, {rejected_again:,} of which it rejected again{command}"
