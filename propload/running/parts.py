"""The parts of a run, and the notes and settings in its report."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import PropLoadError
from propload.running.shown_settings import plain_settings
from propload.source_capabilities import notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from propload.pipeline.pipeline import Pipeline
    from propload.pipeline.table_fitting import TableFit
    from propload.postgres.database import Database
    from propload.postgres.ledger.run_record import RunRecord
    from propload.rejecting import RejectWriter
    from propload.report import Plain, Status
    from propload.running.auto_sizing import BatchRows
    from propload.running.journaling import Journaling
    from propload.running.planning import Plan
    from propload.sources.source import Source
    from propload.target import Target

log = logging.getLogger(__name__)

#: Modes that compare no row with another version of it, and what they do instead.
_NO_VERSIONS: Mapping[str, str] = {
    "append": "adds every row",
    "insert-new": "keeps the first row of each key",
}


@dataclass(slots=True, kw_only=True)
class Parts:
    """The parts of a run.

    Attributes:
        record: The run, as the ledger records it.
        source: Where rows come from.
        plan: The run's plan.
        database: Where the table is.
        target: The table and its rules.
        fit: Fits rows to the table.
        rejects: Keeps rejected rows.
        pipeline: Moves the rows.
        sizes: How many rows a batch may have.
        journaling: How rows are kept until they are committed.
        continued: Whether an earlier process of the run may have written rows.
        chosen: What else was chosen, and why.
        begin_notes: Notes on rows that earlier processes of the run rejected.
        end_notes: Notes of the database on the end of the run.
        is_table_gone: Whether the table no longer existed at the end.
    """

    record: RunRecord
    source: Source
    plan: Plan
    database: Database
    target: Target
    fit: TableFit
    rejects: RejectWriter
    pipeline: Pipeline
    sizes: BatchRows
    journaling: Journaling
    continued: bool
    chosen: tuple[str, ...]
    begin_notes: tuple[str, ...] = ()
    end_notes: tuple[str, ...] = ()
    is_table_gone: bool = False

    def stop(self) -> None:
        """Stop reading; rows already read are still committed."""
        if self.journaling.feed is not None:
            self.journaling.feed.stop()
        else:
            self.pipeline.stop()

    def end(self, status: Status) -> None:
        """Finish the table, and record in the ledger how the run ended.

        Raises:
            WriteError: The database does not accept it.
        """
        self.end_notes = self.database.end_run(
            self.record, self.target, status=status, continued=self.continued
        )

    def look_for_table(self) -> None:
        """Find out whether the table still exists, if the server can be asked."""
        try:
            self.is_table_gone = self.database.facts(self.target.table) is None
        except PropLoadError as error:
            log.debug("%s is not looked for: %s", self.target.table, error)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.record.run_id

    def notes(self) -> tuple[str, ...]:
        """Return the notes for the report."""
        notes = self.fit.notes
        notes += self._ignored_rules()
        if self.plan.options.lock_wait and not self.plan.options.lock:
            notes.append(
                "lock_wait waits for no lock unless lock is set (--lock): this run "
                "took none, and others may have loaded the table meanwhile"
            )
        notes += [*self.begin_notes, *notes_of(self.source), *self.end_notes]
        notes += [self.journaling.outcome.note] if self.journaling.outcome.note else []
        return tuple(dict.fromkeys(notes))

    def _ignored_rules(self) -> Iterator[str]:
        """Yield a note for each rule that was given but does not apply in the mode."""
        mode = self.target.mode
        reason = _NO_VERSIONS.get(mode)
        if reason is None:
            return
        if self.plan.settings.get("newest"):
            newest = self.target.newest
            yield f"mode {mode} {reason}: newest ({newest}) does not apply"
        if self.plan.settings.get("on_null") == "keep":
            yield f"mode {mode} {reason}: on_null (keep) does not apply"

    def settings(self, further_choice: str, /) -> Mapping[str, Plain]:
        """Return the settings that were given and chosen, without secrets.

        Args:
            further_choice: One more choice of the run, and why; empty if there is none.
        """
        shown = plain_settings(self.plan, self.target)
        shown["batch_rows"] = self.sizes.reported_rows
        choices = (*self.chosen, *self.sizes.notes, further_choice)
        chosen: list[Plain] = [choice for choice in choices if choice]
        return {**shown, "chosen": chosen} if chosen else shown
