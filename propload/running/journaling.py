"""What keeps the rows of a run until they are committed: a journal, or their source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.journal import Journal, JournalOptions, JournalSource
from propload.journal.ending import Outcome, close_journal
from propload.journal.folders import note_entered
from propload.journal.journaled_source import JournaledSource
from propload.pushing import PushedSource
from propload.running.shown_settings import settings_shown

if TYPE_CHECKING:
    from contextlib import ExitStack

    from propload.postgres.database import Database
    from propload.postgres.ledger.run_record import RunRecord
    from propload.report import Plain
    from propload.running.planning import Plan
    from propload.sources.source import Source
    from propload.target import Target


@dataclass(frozen=True, slots=True)
class Journaling:
    """What keeps the rows of a source that cannot be read again.

    Attributes:
        journal: Where they are, those of a run that was killed as well, or None where
            the source can be read again.
        feed: The source behind a journal that is being written, or None.
        outcome: What the journal is told of the run's end, and says of its own.
    """

    journal: Journal | JournalSource | None
    feed: JournaledSource | PushedSource | None
    outcome: Outcome

    @property
    def has_waiting(self) -> bool:
        """Whether rows of the run wait in a journal of its own."""
        return isinstance(self.journal, Journal) and self.journal.waiting > 0

    @property
    def lost_rows(self) -> int:
        """The rows that were taken from the source and kept nowhere."""
        return self.feed.lost_rows if isinstance(self.feed, JournaledSource) else 0

    def note_entered(self) -> None:
        """Note that a ledger holds the run, before it stores a row."""
        if self.journal is not None:
            note_entered(self.journal.folder)

    def note_committed(self, below: int) -> None:
        """Note the run's row number below which all is committed."""
        if self.journal is not None:
            self.journal.committed(below)

    def leave(self) -> None:
        """Wake what waits for more rows: none is taken any more."""
        if isinstance(self.journal, Journal):
            self.journal.leave()

    def outlasts_outage(self) -> bool:
        """Return whether the source goes on into the journal while nothing is read."""
        if self.feed is None or not isinstance(self.journal, Journal):
            return False
        return self.feed.is_producing() and not self.journal.is_full


def journal_rows(
    source: Source,
    plan: Plan,
    record: RunRecord,
    target: Target,
    database: Database,
    *,
    stack: ExitStack,
) -> Journaling:
    """Return what keeps the rows of a source, until `stack` closes it.

    Rows may be pushed when it returns: what can fail before them has to come first.

    Raises:
        JournalError: The disk refuses the journal.
    """
    outcome = Outcome()
    if not is_journaled(source):
        return Journaling(None, None, outcome)
    if isinstance(source, JournalSource):
        stack.callback(close_journal, source, outcome)
        return Journaling(source, None, outcome)
    live = Journal(
        plan.places.journal / record.run_id,
        _journal_options(plan),
        _about(plan, record, target, database),
        takes_effect_late=target.mode == "replace",
    )
    stack.callback(close_journal, live, outcome)
    if isinstance(source, PushedSource):
        source.attach(live)
        return Journaling(live, source, outcome)
    feed = JournaledSource(source, live)
    stack.callback(feed.close)
    return Journaling(live, feed, outcome)


def open_rest(ended: Journal, plan: Plan) -> Journal:
    """Return a journal for rows that come after the one of their run has ended.

    Raises:
        JournalError: The disk refuses.
    """
    # its name is the next one: it is recovered after the journal of the run
    folder = ended.folder.with_name(f"{ended.folder.name}-rest")
    return Journal(folder, _journal_options(plan), ended.about)


def is_journaled(source: Source) -> bool:
    """Return whether a journal keeps the rows of a source.

    A journal can be read again itself, but for the rows that it has let go of.
    """
    return isinstance(source, JournalSource) or not source.rereadable


def killed_run_of(source: Source) -> str | None:
    """Return the run that left a source, or None where its rows are no run's yet."""
    return source.folder.name if isinstance(source, JournalSource) else None


def first_row_of(source: Source) -> int:
    """Return the run's number of the first row that a source still has."""
    return source.first_row if isinstance(source, JournalSource) else 0


def _journal_options(plan: Plan) -> JournalOptions:
    return JournalOptions(plan.options.journal_sync, plan.options.journal_bytes)


def _about(
    plan: Plan, record: RunRecord, target: Target, database: Database
) -> dict[str, Plain]:
    """Return what a recovery needs to know of a run; no secrets."""
    told = settings_shown(plan, target)
    return {
        "source": record.source,
        "database": database.label,
        "identity": database.identity(),
        "table": record.target,
        "objects": told.pop("objects", []),
        "settings": {**told, "table": record.target},
    }
