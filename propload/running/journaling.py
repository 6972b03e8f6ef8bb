"""What keeps the rows of a run until they are committed: a journal, or their source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.journal import Journal, JournalOptions, JournalSource
from propload.journal.ending import Outcome, close_journal
from propload.journal.folders import note_entered
from propload.journal.journaled_source import JournaledSource
from propload.pushing import PushedSource
from propload.running.shown_settings import plain_settings

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
    """How the rows of a source that cannot be read again are kept.

    Attributes:
        journal: Holds the rows, those of a killed run too; None if the source can be
            read again.
        feed: The source whose rows are being written to the journal, or None.
        outcome: How the run ended, set for the journal; and the journal's own note.
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
        """How many rows were taken from the source but kept nowhere."""
        return self.feed.lost_rows if isinstance(self.feed, JournaledSource) else 0

    def note_entered(self) -> None:
        """Note in the journal that a ledger knows the run, before it stores a row."""
        if self.journal is not None:
            note_entered(self.journal.folder)

    def note_committed(self, below: int) -> None:
        """Note the row number of the run below which all rows are committed."""
        if self.journal is not None:
            self.journal.note_committed(below)

    def close_reader(self) -> None:
        """Wake whatever waits for more rows: no more are taken."""
        if isinstance(self.journal, Journal):
            self.journal.close_reader()

    def outlasts_outage(self) -> bool:
        """Return whether the source can still fill the journal while writes fail."""
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
    """Return how the rows of a source are kept, until `stack` closes the journal.

    Rows may be pushed as soon as this returns, so do first whatever may fail without
    having taken rows.

    Raises:
        JournalError: The journal cannot be written to disk.
    """
    outcome = Outcome()
    if not is_journaled(source):
        return Journaling(None, None, outcome)
    if isinstance(source, JournalSource):
        stack.callback(close_journal, source, outcome)
        return Journaling(source, None, outcome)
    journal = Journal(
        plan.places.journal / record.run_id,
        _journal_options(plan),
        _journal_notes(plan, record, target, database),
        takes_effect_late=target.mode == "replace",
    )
    stack.callback(close_journal, journal, outcome)
    if isinstance(source, PushedSource):
        source.attach(journal)
        return Journaling(journal, source, outcome)
    feed = JournaledSource(source, journal)
    stack.callback(feed.close)
    return Journaling(journal, feed, outcome)


def open_rest(journal: Journal, plan: Plan) -> Journal:
    """Return a journal for rows that arrive after their run's journal has ended.

    Raises:
        JournalError: It cannot be written to disk.
    """
    # its name sorts right after that of the run's journal: it is recovered next
    folder = journal.folder.with_name(f"{journal.folder.name}-rest")
    return Journal(folder, _journal_options(plan), journal.about)


def is_journaled(source: Source) -> bool:
    """Return whether the rows of a source are kept in a journal.

    They are if the source cannot be read again, or is itself a journal, which can be
    read again except for the rows that it has removed.
    """
    return isinstance(source, JournalSource) or not source.rereadable


def killed_run_of(source: Source) -> str | None:
    """Return the id of the run whose journal a source is, or None if it is none."""
    return source.folder.name if isinstance(source, JournalSource) else None


def first_row_of(source: Source) -> int:
    """Return the number, within its run, of the first row that a source still has."""
    return source.first_row if isinstance(source, JournalSource) else 0


def _journal_options(plan: Plan) -> JournalOptions:
    return JournalOptions(plan.options.journal_sync, plan.options.journal_bytes)


def _journal_notes(
    plan: Plan, record: RunRecord, target: Target, database: Database
) -> dict[str, Plain]:
    """Return what a recovery needs to know about a run, without secrets."""
    settings = plain_settings(plan, target)
    return {
        "source": record.source,
        "database": database.label,
        "identity": database.identity(),
        "table": record.target,
        "objects": settings.pop("objects", []),
        "settings": {**settings, "table": record.target},
    }
