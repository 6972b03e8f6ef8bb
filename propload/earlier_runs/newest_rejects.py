"""Whose rejected rows are meant where no run is named, and whose are a replay's."""

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
    """What a run is that loads the rejected rows of another.

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
            one.run_id: one.replayed
            for one in UnfinishedRunStore(places.runs).newest()
            if one.replayed
        }

    def find(self) -> Path:
        """Return the file of the newest run, whether its rows can be replayed or not.

        Of a replay that has not ended it is that of the run that it replays, as of
        `find_replayable`. What is passed over is logged.

        Raises:
            ConfigError: No run has left rejected rows.
        """
        return self._newest(Path.exists)

    def find_replayable(self) -> Path:
        """Return the file of the newest run of which a row can be replayed.

        Of a replay that has not ended it is that of the run that it replays: until then
        the replay's own rows are among those as well. What is passed over is logged.

        Raises:
            ConfigError: No run has left rejected rows.
        """
        return self._newest(has_rows)

    def _newest(self, is_meant: Callable[[Path], bool]) -> Path:
        for run_id in self._run_ids():
            begun = self._begun_with(run_id)
            path = self._rejects.path(begun)
            if is_meant(path):
                self._tell(run_id, begun)
                return path
            if path.exists():
                log.warning(
                    "the rejected rows of run %s, which could not be read at all, "
                    "are skipped",
                    run_id,
                )
        # of which no row can be replayed, as whoever replays it is told
        return self._rejects.find()

    def _run_ids(self) -> list[str]:
        """Return the runs that may have rejected rows or replay some, newest first."""
        rejecting = self._rejects.names()
        # what replays rows is younger than they are
        oldest = min(rejecting, default="~")
        found = {*rejecting, *self._reports.files.names(), *self._replays}
        return sorted((one for one in found if one >= oldest), reverse=True)

    def _begun_with(self, run_id: str) -> str:
        """Return the run whose rows a replay that has not ended began with.

        It is the run itself, where it is none, or where no such row is left.
        """
        while (one := self.replay(run_id)) and not one.has_ended:
            if not has_rows(self._rejects.path(one.replayed)):
                break
            run_id = one.replayed
        return run_id

    def replay(self, run_id: str, /) -> Replay | None:
        """Return what a run is that is a replay, or None of any other.

        One that could not begin, by a wrong setting, has ended.
        """
        if run_id in self._replays:
            return Replay(self._replays[run_id], has_ended=False)
        # most reports tell of other runs, and are many after years
        report = next(self._reports.each([run_id], naming=REJECTS_OF), None)
        if report is None:
            return None
        replayed = run_replayed(report.source)
        has_ended = report.status == "loaded" or not report.counts.read
        return Replay(replayed, has_ended) if replayed else None

    def _tell(self, run_id: str, begun: str) -> None:
        if run_id != begun:
            log.warning(
                "run %s is a replay of the rejected rows of run %s that has not ended: "
                "those of run %s are used, which include its own",
                run_id,
                begun,
                begun,
            )
