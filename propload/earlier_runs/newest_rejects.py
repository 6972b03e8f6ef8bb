"""Finds the run whose rejected rows are meant if none is named."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from propload.earlier_runs.reject_source import REJECTS_OF, has_rows, run_replayed
from propload.rejecting import RejectStore
from propload.state.report_store import ReportStore
from propload.state.unfinished_runs import UnfinishedRunStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.options import Places

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that loads the rejected rows of another run.

    Attributes:
        replayed: The other run.
        has_ended: Whether it has loaded them, or could not begin.
    """

    replayed: str
    has_ended: bool


class NewestRejects:
    """Finds the newest rejected rows.

    Args:
        places: Where the files of earlier runs are.
    """

    def __init__(self, places: Places) -> None:
        self._rejects = RejectStore(places.rejects).files
        self._reports = ReportStore(places.runs)
        self._replays = {
            run.run_id: run.replayed
            for run in UnfinishedRunStore(places.runs).newest()
            if run.replayed
        }

    def find(self) -> Path:
        """Return the newest run's file, whether its rows can be replayed or not.

        If an unfinished replay is newer, return the file of the run that it replays, as
        in `find_replayable`. Skipped files are logged.

        Raises:
            ConfigError: No run has left rejected rows.
        """
        return self._newest(Path.exists)

    def find_replayable(self) -> Path:
        """Return the file of the newest run with a row that can be replayed.

        If an unfinished replay is newer, return the file of the run that it replays:
        until the replay has ended, that file also has the replay's own rejected rows.
        Skipped files are logged.

        Raises:
            ConfigError: No run has left rejected rows.
        """
        return self._newest(has_rows)

    def _newest(self, is_meant: Callable[[Path], bool]) -> Path:
        for run_id in self._run_ids():
            origin = self._origin_of(run_id)
            path = self._rejects.path(origin)
            if is_meant(path):
                self._warn_of_replay(run_id, origin)
                return path
            if path.exists():
                log.warning(
                    "the rejected rows of run %s, which could not be read at all, "
                    "are skipped",
                    run_id,
                )
        # none of its rows can be replayed, which a replay reports as an error
        return self._rejects.find()

    def _run_ids(self) -> list[str]:
        """Return the runs that may have rejected rows or replay some, newest first."""
        rejecting = self._rejects.names()
        # a replay is newer than the rows that it replays
        oldest = min(rejecting, default="~")
        run_ids = {*rejecting, *self._reports.files.names(), *self._replays}
        return sorted((run_id for run_id in run_ids if run_id >= oldest), reverse=True)

    def _origin_of(self, run_id: str) -> str:
        """Return the run whose rows an unfinished replay began with.

        Return the run itself if it is no such replay, or if none of those rows is left.
        """
        while (replay := self.replay(run_id)) and not replay.has_ended:
            if not has_rows(self._rejects.path(replay.replayed)):
                break
            run_id = replay.replayed
        return run_id

    def replay(self, run_id: str, /) -> Replay | None:
        """Return a run as a replay, or None if it is not one.

        A replay that could not begin, because of a wrong setting, counts as ended.
        """
        if run_id in self._replays:
            return Replay(self._replays[run_id], has_ended=False)
        # only reports that contain the prefix are parsed: years of runs leave many
        report = next(self._reports.find_all([run_id], containing=REJECTS_OF), None)
        if report is None:
            return None
        replayed = run_replayed(report.source)
        has_ended = report.status == "loaded" or not report.counts.read
        return Replay(replayed, has_ended) if replayed else None

    def _warn_of_replay(self, run_id: str, origin: str) -> None:
        if run_id != origin:
            log.warning(
                "run %s is a replay of the rejected rows of run %s that has not ended: "
                "those of run %s are used, which include its own",
                run_id,
                origin,
                origin,
            )
