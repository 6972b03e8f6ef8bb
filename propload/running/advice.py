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
    from propload.state.unfinished_runs import RecoveryMethod
    from propload.target import Target


#: SQLSTATE classes of errors that rows cause: values, constraints, what triggers raise.
#: They end a run where all rows take effect together: at the end of a replace.
_ROW_ERROR_CLASSES = ("22", "23", "P0")
#: SQLSTATE class of a missing table, column or privilege.
_TABLE_ERROR_CLASS = "42"
#: Precedes the advice where the same rows would end the run again.
_FIX_FIRST = "fix that, then "


def recovery_method(parts: Parts) -> RecoveryMethod:
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
    message = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, RejectLimitError):
        message += f": see {parts.plan.commands.show_rejects(parts.run_id)}"
    return f"{message}. "


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
            return self._table_state()
        journal = self.parts.journaling.journal
        vanished = self._vanished_rows_sentence()
        if journal is not None:
            resupply = f"{vanished}: supply them again" if vanished else ""
            return _join_sentences(
                self._how_to_recover(journal), self._lost_rows_sentence(), resupply
            )
        if vanished:
            return _join_sentences(vanished, self._how_to_restart())
        return self._how_to_load_again()

    # ---- rows left in a journal ----

    def _how_to_recover(self, journal: Journal | JournalSource) -> str:
        """Return how to load the rows that wait in a journal."""
        if self._is_replace and not self._is_resumable:
            load_all = (
                "Load all rows again, and drop what is left of these "
                f"({self._drop_command})"
            )
            return _join_sentences(self._table_state(), load_all)
        if isinstance(journal, JournalSource):
            return self._how_to_continue_recovery()
        if self._is_replace:
            return self._how_to_finish_replace(journal)
        if not journal.waiting:
            others = "other " if self.parts.journaling.lost_rows else ""
            return f"All {others}rows that came are loaded or rejected; nothing waits"
        waiting, commands = self._waiting_rows(journal), self.parts.plan.commands
        otherwise = commands.recover_otherwise(self.parts.run_id)
        if isinstance(self.error, ConfigError):
            return (
                f"{waiting} in the journal: load them with the settings that were "
                f"wrong ({otherwise}), or discard them ({self._drop_command})"
            )
        first_step = self._first_step()
        load = f"{first_step}load them with {commands.recover()}"
        # a journal is loaded with the settings of its run, whatever is configured since
        is_setting = isinstance(self.error, SchemaMismatchError)
        return _join_sentences(
            f"{waiting} in the journal: {load}",
            f"With other settings: {otherwise}" if is_setting else "",
        )

    def _how_to_continue_recovery(self) -> str:
        """Return how to load the rest of a journal whose recovery ended early."""
        first_step, recover = self._first_step(), self.parts.plan.commands.recover()
        rest = f"What is left stays in the journal: {first_step}run {recover} again"
        discard = f", or discard it ({self._drop_command})" if first_step else ""
        return _join_sentences(self._table_state(), f"{rest}{discard}")

    def _how_to_finish_replace(self, journal: Journal) -> str:
        """Return how to finish a replace whose rows are in a journal."""
        table_state = self._table_state()
        if not journal.rows:
            return table_state
        has_old = table_state and not (
            self.parts.is_table_gone or self.parts.fit.has_made
        )
        goal = "put what came in their place" if has_old else "load what came"
        recover = self.parts.plan.commands.recover(self.parts.run_id)
        return _join_sentences(table_state, f"To {goal}: {self._first_step()}{recover}")

    def _lost_rows_sentence(self) -> str:
        """Return a sentence on rows that were read but kept nowhere; empty if none."""
        lost_rows, source = self.parts.journaling.lost_rows, self.parts.source.name
        clause = counted(
            lost_rows,
            f"row that {source} gave last is lost",
            f"rows that {source} gave last are lost",
        )
        return f"{clause}: supply them again" if lost_rows else ""

    def _waiting_rows(self, journal: Journal) -> str:
        # counted in rows: of a batch, some lanes may have committed and others not
        waiting = counted(
            journal.rows - self.counts.accounted, "row waits", "rows wait"
        )
        # a commit whose answer was lost may have succeeded
        at_most = "At most " if isinstance(self.error, TransientWriteError) else ""
        return f"{at_most}{waiting}"

    @property
    def _drop_command(self) -> str:
        return self.parts.plan.commands.drop_journal(self.parts.run_id)

    # ---- a source that can be read again ----

    def _how_to_load_again(self) -> str:
        """Return how to load the rest of a source that can be read again."""
        parts, rejected = self.parts, self.counts.rejected
        # if only rows were rejected, no table may have been found or created yet
        has_begun = self.counts.accounted > (0 if parts.fit.is_fitted else rejected)
        state = "What was committed stays" if has_begun else "Nothing was written"
        if self._is_replace:
            state = self._table_state()
        return _join_sentences(state, self._how_to_resume()) if has_begun else state

    def _how_to_resume(self) -> str:
        """Return how to continue a run whose source can be read again."""
        parts = self.parts
        if parts.plan.replayed:
            return self._how_to_replay()
        appends = parts.target.mode == "append"
        restriction = ", and only what is not committed yet" if appends else ""
        # a file that was still being written has changed: no run can be resumed with it
        is_other = self._is_replace and incomplete_of(parts.source)
        if not self._is_resumable or is_other:
            return f"Load {parts.source.name} again, without --resume{restriction}"
        if parts.source.fingerprint() is None:
            return f"To continue: {self._first_step()}load {parts.source.name} again"
        resume = f"the same command with --resume {parts.run_id}"
        if not self._fails_again:
            return f"To continue: {self._first_step()}{resume}"
        # a run is resumed only with the files and settings that it began with, except
        # for the reject limit
        limit = isinstance(self.error, RejectLimitError)
        may, other = (" or max_rejects", "another") if limit else ("", "a")
        return (
            f"To continue, fix that: if only the table{may} has changed, {resume}; "
            f"if a file or {other} setting has, load again without "
            f"--resume{restriction}"
        )

    def _how_to_restart(self) -> str:
        """Return what to do where the committed rows are gone with their table."""
        if self.parts.plan.replayed:
            return self._how_to_replay()
        source = self.parts.source
        has_fingerprint = source.fingerprint() is not None
        again = "again, without --resume" if has_fingerprint else "again"
        load_all = f"load {source.name} {again}"
        if not has_fingerprint or not self._is_table_missing:
            return f"To continue: {load_all}"
        return (
            "To continue: if it was renamed, rename it back to "
            f"{self.parts.target.table}, then the same command with --resume "
            f"{self.parts.run_id}; otherwise {load_all}"
        )

    def _how_to_replay(self) -> str:
        """Return how to replay the rejected rows once more.

        No `--resume`: a replay finds the run that it continues by itself.
        """
        first_step = _FIX_FIRST if self._fails_again else ""
        command = self.parts.plan.commands.replay(self.parts.plan.replayed)
        return f"To continue: {first_step}{command}, with the same other flags"

    # ---- the table, and the error ----

    def _table_state(self) -> str:
        """Return what a replace left of its table; empty where the error says so."""
        if not self._is_replace:
            return ""
        table = self.parts.target.table
        # where a run cannot be continued, what is missing is the shadow, not the table
        if self._is_table_missing and self._is_resumable:
            return ""
        if self.parts.is_table_gone:
            gone = f"{table} is gone, and its old rows with it"
            return gone if self._has_table_vanished else ""
        is_new = self.parts.fit.has_made
        return f"{table} {'is new and stays empty' if is_new else 'keeps its old rows'}"

    def _vanished_rows_sentence(self) -> str:
        """Return a sentence on committed rows that are gone with their table, or "".

        There are none for a replace: until it ends, its rows are only in the shadow.
        """
        is_vanished = isinstance(self.error, TableGoneError) and not self._is_replace
        if not is_vanished or not self.counts.stored:
            return ""
        renamed = " unless it was renamed" if self._is_table_missing else ""
        rows = counted(self.counts.stored, "committed row")
        return f"The {rows} went with the table{renamed}"

    def _first_step(self) -> str:
        """Return what to do before the run is continued, or an empty text."""
        if self._fails_again:
            return _FIX_FIRST
        has_vanished = self._is_replace and self._has_table_vanished
        return "create the table again, then " if has_vanished else ""

    @property
    def _is_replace(self) -> bool:
        return self.parts.target.mode == "replace"

    @property
    def _has_table_vanished(self) -> bool:
        """Whether the table existed and is gone, rather than never created."""
        return self.parts.is_table_gone and self.parts.fit.is_fitted

    @property
    def _is_table_missing(self) -> bool:
        """Whether the server says that a table is missing."""
        error = self.error
        return isinstance(error, WriteError) and error.sqlstate == MISSING_TABLE

    @property
    def _is_resumable(self) -> bool:
        """Whether the run can be continued after the error that ended it."""
        return not isinstance(self.error, WriteError) or self.error.goes_on

    @property
    def _fails_again(self) -> bool:
        """Whether the same rows, read in the same way, would end the run again."""
        if isinstance(self.error, WriteError):
            return (self.error.sqlstate or "")[:2] in (
                *_ROW_ERROR_CLASSES,
                _TABLE_ERROR_CLASS,
            )
        return isinstance(
            self.error, (RejectLimitError, SchemaMismatchError, SourceError)
        )


def _join_sentences(*sentences: str) -> str:
    return ". ".join(filter(None, sentences))
