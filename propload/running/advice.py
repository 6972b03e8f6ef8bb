"""What to do next after a run that ended early, as the report's message says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import (
    ConfigError,
    RejectLimitError,
    SchemaMismatchError,
    SourceError,
    TableGoneError,
    TransientWriteError,
    WriteError,
)
from propload.journal import JournalSource
from propload.messages.wording import counted
from propload.postgres.session.failures import MISSING_TABLE
from propload.source_capabilities import incomplete_of

if TYPE_CHECKING:
    from propload.journal import Journal
    from propload.report import Counts
    from propload.running.parts import Parts
    from propload.state.unfinished_runs import Way
    from propload.target import Target


#: SQLSTATE classes of errors that rows cause: values, constraints, what triggers raise.
#: They end a run where all rows take effect together: at the end of a replace.
_OF_ROWS = ("22", "23", "P0")
#: SQLSTATE class of a missing table, column or privilege.
_OF_TABLES = "42"
#: Precedes the advice where the same rows would end the run again.
_FIX = "fix that, then "


def way_on(parts: Parts) -> Way:
    """Return how to load the rest of the run if its process is killed."""
    if parts.journaling.journal is not None:
        return "recover"
    if parts.plan.replayed:
        return "replay"
    return "again" if parts.record.fingerprint is None else "resume"


def what_ended(parts: Parts, error: BaseException | None) -> str:
    """Return what ended a run early, as a sentence; empty if it was told to stop."""
    if error is None:
        return ""
    told = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, RejectLimitError):
        told += f": see {parts.plan.commands.show_rejects(parts.run_id)}"
    return f"{told}. "


def nothing_to_replace(source: str, target: Target, /) -> str:
    """Return the message for a replace whose source has no row that can be loaded."""
    return (
        f"no row of {source} could be loaded, so there is nothing to replace "
        f"{target.table} with"
    )


def how_to_continue(parts: Parts, counts: Counts, error: BaseException | None) -> str:
    """Return what to do so that every row is loaded.

    Args:
        parts: The parts of the run.
        counts: Its counts so far.
        error: What ended it, or None if it was told to stop.
    """
    return _Advice(parts, counts, error).how_to_continue()


@dataclass(frozen=True, slots=True)
class _Advice:
    """The advice for a run that ended early; its sentences have no full stop yet."""

    parts: Parts
    counts: Counts
    error: BaseException | None

    def how_to_continue(self) -> str:
        """Return what to do so that every row is loaded."""
        if self._is_replace and self.counts.all_rejected:
            # the same rows would fail again
            return self._kept()
        gone, journal = self._gone_with_table(), self.parts.journaling.journal
        if journal is not None:
            again = f"{gone}: supply them again" if gone else ""
            return _joined(self._how_to_recover(journal), self._lost(), again)
        if gone:
            return _joined(gone, self._how_to_begin_anew())
        return self._how_to_load_again()

    # ---- rows left in a journal ----

    def _how_to_recover(self, journal: Journal | JournalSource) -> str:
        """Return how to load the rows that wait in a journal."""
        if self._is_replace and not self._goes_on:
            anew = f"Load all rows again, and drop what is left of these ({self._drop})"
            return _joined(self._kept(), anew)
        if isinstance(journal, JournalSource):
            return self._how_to_recover_again()
        if self._is_replace:
            return self._how_to_put_in_place(journal)
        if not journal.waiting:
            others = "other " if self.parts.journaling.lost_rows else ""
            return f"All {others}rows that came are loaded or rejected; nothing waits"
        waiting, commands = self._waiting(journal), self.parts.plan.commands
        if isinstance(self.error, ConfigError):
            return (
                f"{waiting} in the journal: load them with the settings that were "
                f"wrong ({commands.recover(self.parts.run_id)} --key ... "
                f"--mapping ...), or discard them ({self._drop})"
            )
        first = self._first()
        return f"{waiting} in the journal: {first}load them with {commands.recover()}"

    def _how_to_recover_again(self) -> str:
        """Return how to load the rest of a journal whose recovery ended early."""
        first, recover = self._first(), self.parts.plan.commands.recover()
        again = f"What is left stays in the journal: {first}run {recover} again"
        give_up = f", or discard it ({self._drop})" if first else ""
        return _joined(self._kept(), f"{again}{give_up}")

    def _how_to_put_in_place(self, journal: Journal) -> str:
        """Return how to finish a replace whose rows are in a journal."""
        kept = self._kept()
        if not journal.rows:
            return kept
        has_old = kept and not (self.parts.is_table_gone or self.parts.fit.has_made)
        to_go_on = "put what came in their place" if has_old else "load what came"
        recover = self.parts.plan.commands.recover(self.parts.run_id)
        return _joined(kept, f"To {to_go_on}: {self._first()}{recover}")

    def _lost(self) -> str:
        """Return a sentence on rows that were read but kept nowhere; empty if none."""
        lost, gave = self.parts.journaling.lost_rows, f"{self.parts.source.name} gave"
        told = counted(
            lost, f"row that {gave} last is lost", f"rows that {gave} last are lost"
        )
        return f"{told}: supply them again" if lost else ""

    def _waiting(self, journal: Journal) -> str:
        # counted in rows: of a batch, some lanes may have committed and others not
        left = counted(journal.rows - self.counts.accounted, "row waits", "rows wait")
        # a commit whose answer was lost may have succeeded
        at_most = "At most " if isinstance(self.error, TransientWriteError) else ""
        return f"{at_most}{left}"

    @property
    def _drop(self) -> str:
        return self.parts.plan.commands.drop_journal(self.parts.run_id)

    # ---- a source that can be read again ----

    def _how_to_load_again(self) -> str:
        """Return how to load the rest of a source that can be read again."""
        parts, rejected = self.parts, self.counts.rejected
        # if only rows were rejected, no table may have been found or created yet
        begun = self.counts.accounted > (0 if parts.fit.is_fitted else rejected)
        kept = "What was committed stays" if begun else "Nothing was written"
        if self._is_replace:
            kept = self._kept()
        return _joined(kept, self._how_to_go_on()) if begun else kept

    def _how_to_go_on(self) -> str:
        """Return how to continue a run whose source can be read again."""
        parts = self.parts
        if parts.plan.replayed:
            return self._how_to_replay()
        adds = parts.target.mode == "append"
        others = ", and only what is not committed yet" if adds else ""
        # a file that was still being written has changed: no run can be resumed with it
        is_other = self._is_replace and incomplete_of(parts.source)
        if not self._goes_on or is_other:
            return f"Load {parts.source.name} again, without --resume{others}"
        if parts.source.fingerprint() is None:
            return f"To continue: {self._first()}load {parts.source.name} again"
        resume = f"the same command with --resume {parts.run_id}"
        if not self._fails_again:
            return f"To continue: {self._first()}{resume}"
        # a run is resumed only with the files and settings that it began with, except
        # for the reject limit
        limit = isinstance(self.error, RejectLimitError)
        may, other = (" or max_rejects", "another") if limit else ("", "a")
        return (
            f"To continue, fix that: if only the table{may} has changed, {resume}; "
            f"if a file or {other} setting has, load again without --resume{others}"
        )

    def _how_to_begin_anew(self) -> str:
        """Return what to do where the committed rows are gone with their table."""
        if self.parts.plan.replayed:
            return self._how_to_replay()
        source = self.parts.source
        known = source.fingerprint() is not None
        anew = f"load {source.name} {'again, without --resume' if known else 'again'}"
        if not known or not self._is_missing:
            return f"To continue: {anew}"
        return (
            "To continue: if it was renamed, rename it back to "
            f"{self.parts.target.table}, then the same command with --resume "
            f"{self.parts.run_id}; otherwise {anew}"
        )

    def _how_to_replay(self) -> str:
        """Return how to replay the rejected rows once more.

        No `--resume`: a replay finds the run that it continues by itself.
        """
        first = _FIX if self._fails_again else ""
        again = self.parts.plan.commands.replay(self.parts.plan.replayed)
        return f"To continue: {first}{again}, with the same other flags"

    # ---- the table, and the error ----

    def _kept(self) -> str:
        """Return what a replace left of its table; empty where the error says so."""
        if not self._is_replace:
            return ""
        table = self.parts.target.table
        # where a run cannot be continued, what is missing is the shadow, not the table
        if self._is_missing and self._goes_on:
            return ""
        if self.parts.is_table_gone:
            return f"{table} is gone, and its old rows with it" if self._went else ""
        is_new = self.parts.fit.has_made
        return f"{table} {'is new and stays empty' if is_new else 'keeps its old rows'}"

    def _gone_with_table(self) -> str:
        """Return a sentence on committed rows that are gone with their table, or "".

        There are none for a replace: until it ends, its rows are only in the shadow.
        """
        is_gone = isinstance(self.error, TableGoneError) and not self._is_replace
        if not is_gone or not self.counts.stored:
            return ""
        renamed = " unless it was renamed" if self._is_missing else ""
        rows = counted(self.counts.stored, "committed row")
        return f"The {rows} went with the table{renamed}"

    def _first(self) -> str:
        """Return what to do before the run is continued, or an empty text."""
        if self._fails_again:
            return _FIX
        gone = self._is_replace and self._went
        return "create the table again, then " if gone else ""

    @property
    def _is_replace(self) -> bool:
        return self.parts.target.mode == "replace"

    @property
    def _went(self) -> bool:
        """Whether the table existed and is gone, rather than never created."""
        return self.parts.is_table_gone and self.parts.fit.is_fitted

    @property
    def _is_missing(self) -> bool:
        """Whether the server says that a table is missing."""
        error = self.error
        return isinstance(error, WriteError) and error.sqlstate == MISSING_TABLE

    @property
    def _goes_on(self) -> bool:
        """Whether the run can be continued after the error that ended it."""
        return not isinstance(self.error, WriteError) or self.error.goes_on

    @property
    def _fails_again(self) -> bool:
        """Whether the same rows, read in the same way, would end the run again."""
        if isinstance(self.error, WriteError):
            return (self.error.sqlstate or "")[:2] in (*_OF_ROWS, _OF_TABLES)
        return isinstance(
            self.error, (RejectLimitError, SchemaMismatchError, SourceError)
        )


def _joined(*sentences: str) -> str:
    return ". ".join(filter(None, sentences))
