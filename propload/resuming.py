"""Going on where an earlier run ended: which run, and whether it still fits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from propload.errors import ConfigError, LockedError, SourceError
from propload.journal import JournalSource
from propload.postgres.history import find_point, read_runs
from propload.postgres.locking import GRACE_SECONDS, is_free, take
from propload.postgres.sql.bookkeeping import pieces_of

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from propload.postgres.history import ResumePoint
    from propload.postgres.ledger import RunRecord
    from propload.postgres.loading import Database
    from propload.sources.source import Source
    from propload.target import Target

#: A commit that a killed process had asked for ends within it, unless the server
#: waits for a standby or for much that is deferred.
COMMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Resuming:
    """Finds the run to go on with.

    Attributes:
        database: Where the ledger is.
        state_dir: Where the ledger is of runs that could not keep it there.
        stack: Holds the run's lock until it is closed.
    """

    database: Database
    state_dir: Path
    stack: ExitStack
    _claimed: set[str] = field(default_factory=set)

    def claim(self, run_id: str) -> None:
        """Hold a run, so that nobody goes on with it at the same time.

        What its process had told the server to commit before it was killed is
        committed, or undone, when this returns.

        Raises:
            LockedError: The run still goes on.
        """
        if run_id in self._claimed:
            return
        session = self.stack.enter_context(self.database.connect())
        if not take(session, f"run:{run_id}", wait=GRACE_SECONDS):
            msg = f"run {run_id} still goes on in another process: wait for its end"
            raise LockedError(msg)
        if not is_free(session, pieces_of(run_id), wait=COMMIT_SECONDS):
            msg = (
                f"run {run_id} has a transaction in the server that does not end: "
                "try again when it has ended"
            )
            raise LockedError(msg)
        self._claimed.add(run_id)

    def point(
        self, source: Source, wanted: object, target: Target
    ) -> ResumePoint | None:
        """Return where a source goes on, or None where it begins anew.

        Args:
            source: What is read, a killed run's journal included.
            wanted: The setting `resume`.
            target: Where it goes.

        Raises:
            PropLoadError: As `find`.
        """
        if isinstance(source, JournalSource):
            return self.point_of(source.folder.name)
        if not wanted:
            return None
        return self.find("" if wanted is True else str(wanted), source, target)

    def point_of(self, run_id: str) -> ResumePoint | None:
        """Return where a run goes on, or None where the ledger does not know it."""
        self.claim(run_id)
        with self.database.connect() as session:
            for run in read_runs(session, self.state_dir):
                if run.run_id == run_id:
                    return find_point(session, self.state_dir, run)
        return None

    def find(self, wanted: str, source: Source, target: Target) -> ResumePoint | None:
        """Return where to go on with a source, or None where nothing is unfinished.

        Args:
            wanted: A run, or empty for the last unfinished one of this source.
            source: What is read again.
            target: Where it goes.

        Raises:
            ConfigError: That run is not known, or wrote in another way.
            SourceError: The source has changed since.
            LockedError: The run still goes on.
        """
        with self.database.connect() as session:
            while True:
                runs = read_runs(session, self.state_dir)
                run = _choose(runs, wanted, source, target)
                if run is None:
                    return None
                _require_same(run, source, target)
                if run.run_id in self._claimed:
                    return find_point(session, self.state_dir, run)
                # it may have ended while its claim was waited for: look again
                self.claim(run.run_id)


def _choose(
    runs: list[RunRecord], wanted: str, source: Source, target: Target
) -> RunRecord | None:
    if wanted:
        found = [run for run in runs if run.run_id == wanted]
        if not found:
            msg = f"run {wanted} is not in the ledger. See: propload runs"
            raise ConfigError(msg)
        if found[0].status == "loaded":
            msg = f"run {wanted} was loaded to its end: there is nothing to resume"
            raise ConfigError(msg)
        return found[0]
    place = (source.name, str(target.table))
    same = [run for run in runs if (run.source, run.target) == place]
    # a later run of the same source that ended well has loaded what was missing
    if same and (same[0].status != "loaded" or _holds_all(same[0], source, target)):
        return same[0]
    return None


def _holds_all(run: RunRecord, source: Source, target: Target) -> bool:
    """Whether loading the source again would only add its rows a second time.

    Who was killed at the very end cannot know that the run had ended.
    """
    known = run.fingerprint is not None and run.fingerprint == source.fingerprint()
    return run.mode == target.mode == "append" and known


def _require_same(run: RunRecord, source: Source, target: Target) -> None:
    if (run.target, run.mode) != (str(target.table), target.mode):
        msg = (
            f"run {run.run_id} wrote into {run.target} in mode {run.mode}, not into "
            f"{target.table} in mode {target.mode}: resume it with its own settings"
        )
        raise ConfigError(msg)
    if run.fingerprint != source.fingerprint():
        msg = (
            f"{source.name} has changed since run {run.run_id} read it, so its rows "
            "cannot be told apart: load it anew, without --resume"
        )
        raise SourceError(msg, source=source.name)
