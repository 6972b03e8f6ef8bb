"""What the reader of a message does next, after a run that ended early."""

from __future__ import annotations

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
    from propload.running.planning import Plan
    from propload.state.unfinished_runs import Way
    from propload.target import Target


#: Classes of what the server says of rows: values, constraints, what triggers raise. It
#: ends a run where all rows are to take effect at once: at the end of a replace.
_OF_ROWS = ("22", "23", "P0")
#: The class of a table or a column that is not there, and of a right that is missing.
_OF_TABLES = "42"


def way_on(parts: Parts) -> Way:
    """Return how the rest of a run is loaded, should it be killed."""
    if parts.journaling.journal is not None:
        return "recover"
    if parts.plan.replayed:
        return "replay"
    return "again" if parts.record.fingerprint is None else "resume"


def what_ended(parts: Parts, error: BaseException | None) -> str:
    """Return what ended a run early, as a sentence; empty where it was told to end."""
    if error is None:
        return ""
    told = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, RejectLimitError):
        told += f": see {parts.plan.commands.show_rejects(parts.run_id)}"
    return f"{told}. "


def nothing_to_replace(source: str, target: Target, /) -> str:
    """Return what is said of a replace whose source has no row that can be loaded."""
    return (
        f"no row of {source} could be loaded, so there is nothing to replace "
        f"{target.table} with"
    )


def how_to_continue(parts: Parts, counts: Counts, error: BaseException | None) -> str:
    """Return what is to be done so that every row is loaded.

    Args:
        parts: The parts of the run.
        counts: What became of its rows so far.
        error: What ended it, or None where it was told to end.
    """
    target = parts.target
    if target.mode == "replace" and counts.all_rejected:
        # the same rows would fail again
        return _kept(parts, error).removesuffix(". ")
    gone = _gone_with_table(parts, counts, error)
    if parts.journaling.journal is None:
        if gone:
            return f"{gone}. {_how_to_begin_anew(parts, error)}"
        return _how_to_load_again(parts, counts, error)
    kept = _how_to_recover(parts, parts.journaling.journal, counts, error)
    given = f"{gone}: give them again" if gone else ""
    return ". ".join(filter(None, (kept, _lost(parts), given)))


def _how_to_recover(
    parts: Parts,
    journal: Journal | JournalSource,
    counts: Counts,
    error: BaseException | None,
) -> str:
    """Return how what waits in a journal is loaded."""
    commands = parts.plan.commands
    drop = commands.drop_journal(parts.run_id)
    is_replace = parts.target.mode == "replace"
    if is_replace and not _goes_on(error):
        anew = f"Load all rows anew, and drop what is left of these ({drop})"
        return f"{_kept(parts, error)}{anew}"
    if isinstance(journal, JournalSource):
        return _how_to_recover_again(parts, error)
    if is_replace:
        return _how_to_put_in_place(parts, journal, error)
    if not journal.waiting:
        others = "other " if parts.journaling.lost_rows else ""
        return f"All {others}rows that came are loaded or rejected; nothing waits"
    waiting = _waiting(journal, counts, error)
    if isinstance(error, ConfigError):
        return (
            f"{waiting} in the journal: load them with the settings that were wrong "
            f"({commands.recover(parts.run_id)} --key ... --mapping ...), or give them "
            f"up ({drop})"
        )
    first = _first(parts, error)
    return f"{waiting} in the journal: {first}load them with {commands.recover()}"


def _how_to_recover_again(parts: Parts, error: BaseException | None) -> str:
    """Return how the rest of a journal is loaded whose recovery ended early."""
    first, commands = _first(parts, error), parts.plan.commands
    left = f"{_kept(parts, error)}What is left stays in the journal"
    again = f"{left}: {first}run {commands.recover()} again"
    drop = commands.drop_journal(parts.run_id)
    return f"{again}, or give it up ({drop})" if first else again


def _how_to_put_in_place(
    parts: Parts, journal: Journal, error: BaseException | None
) -> str:
    """Return how the rows of a replace that are in a journal take effect."""
    kept = _kept(parts, error)
    if not journal.rows:
        return kept.removesuffix(". ")
    has_old = kept and not (parts.is_table_gone or parts.fit.has_made)
    to_go_on = "put what came in their place" if has_old else "load what came"
    recover = parts.plan.commands.recover(parts.run_id)
    return f"{kept}To {to_go_on}: {_first(parts, error)}{recover}"


def _kept(parts: Parts, error: BaseException | None) -> str:
    """Return that a replace has left its table as it was, as a sentence with a blank.

    Empty of other modes, and where the table is gone, which the error may have told.
    """
    if parts.target.mode != "replace":
        return ""
    # where the run cannot go on, it is what it had gathered that is missing
    is_told = _is_missing(error) and _goes_on(error)
    if not is_told and not parts.is_table_gone:
        is_new = parts.fit.has_made
        rows = "is new and stays empty" if is_new else "keeps its old rows"
        return f"{parts.target.table} {rows}. "
    if is_told or not _went(parts):
        return ""
    return f"{parts.target.table} is gone, and its old rows with it. "


def _went(parts: Parts) -> bool:
    """Whether the table is gone, and not only left unmade."""
    return parts.is_table_gone and parts.fit.is_fitted


def _first(parts: Parts, error: BaseException | None) -> str:
    """Return what is to be done before a run goes on, or nothing."""
    if _fails_again(error):
        return "fix that, then "
    is_replace = parts.target.mode == "replace"
    return "create the table again, then " if is_replace and _went(parts) else ""


def _how_to_replay(plan: Plan, error: BaseException | None) -> str:
    """Return how rejected rows are replayed once more: a replay knows its own run."""
    first = "fix that, then " if _fails_again(error) else ""
    again = plan.commands.replay(plan.replayed)
    return f"To go on: {first}{again}, with the same other flags"


def _lost(parts: Parts) -> str:
    """Return what is said of rows that a source gave and nobody kept, or nothing."""
    gave = f"that {parts.source.name} gave last"
    lost = counted(
        parts.journaling.lost_rows, f"row {gave} is lost", f"rows {gave} are lost"
    )
    return f"{lost}: give them again" if parts.journaling.lost_rows else ""


def _gone_with_table(parts: Parts, counts: Counts, error: BaseException | None) -> str:
    """Return what is said of committed rows whose table is gone, or nothing.

    The rows of a replace are in no table before its end.
    """
    is_gone = isinstance(error, TableGoneError) and parts.target.mode != "replace"
    if not is_gone or not counts.stored:
        return ""
    rows = counted(counts.stored, "committed row", "committed rows")
    renamed = " unless it was renamed" if _is_missing(error) else ""
    return f"The {rows} went with the table{renamed}"


def _is_missing(error: BaseException | None) -> bool:
    """Whether the server says that a table is missing."""
    return isinstance(error, WriteError) and error.sqlstate == MISSING_TABLE


def _waiting(journal: Journal, counts: Counts, error: BaseException | None) -> str:
    # a batch that one lane committed and another did not waits in part
    left = counted(journal.rows - counts.accounted, "row waits", "rows wait")
    # a commit whose answer was lost may have come through
    return f"At most {left}" if isinstance(error, TransientWriteError) else left


def _fails_again(error: BaseException | None) -> bool:
    """Whether the same rows, read in the same way, would end a run again."""
    if isinstance(error, WriteError):
        return (error.sqlstate or "")[:2] in (*_OF_ROWS, _OF_TABLES)
    return isinstance(error, (RejectLimitError, SchemaMismatchError, SourceError))


def _goes_on(error: BaseException | None) -> bool:
    """Whether a run can be gone on with after what ended it."""
    return not isinstance(error, WriteError) or error.goes_on


def _how_to_load_again(
    parts: Parts, counts: Counts, error: BaseException | None
) -> str:
    """Return how a source that can be read again is loaded to its end."""
    mode = parts.target.mode
    # rejected rows alone may have had no table to be written to
    begun = counts.accounted > (0 if parts.fit.is_fitted else counts.rejected)
    kept = "What was committed stays. " if begun else "Nothing was written. "
    if mode == "replace":
        kept = _kept(parts, error)
    if not begun:
        return kept.removesuffix(". ")
    if parts.plan.replayed:
        return f"{kept}{_how_to_replay(parts.plan, error)}"
    others = "" if mode != "append" else ", and only what is not committed yet"
    # a file that was written into is another one, which no run goes on with
    if not _goes_on(error) or (mode == "replace" and incomplete_of(parts.source)):
        return f"{kept}Load {parts.source.name} anew, without --resume{others}"
    first = _first(parts, error)
    if parts.source.fingerprint() is None:
        return f"{kept}To go on: {first}load {parts.source.name} again"
    resume = f"the same command with --resume {parts.run_id}"
    if not _fails_again(error):
        return f"{kept}To go on: {first}{resume}"
    # a run goes on only with the files and settings that it began with
    return (
        f"{kept}To go on, fix that: after a change of the table alone {resume}; "
        f"after one of a file or a setting load again without --resume{others}"
    )


def _how_to_begin_anew(parts: Parts, error: BaseException | None) -> str:
    """Return what is done where what a run had committed is gone with its table."""
    if parts.plan.replayed:
        return _how_to_replay(parts.plan, error)
    source = parts.source
    known = source.fingerprint() is not None
    anew = f"load {source.name} {'anew, without --resume' if known else 'again'}"
    if not known or not _is_missing(error):
        return f"To go on: {anew}"
    return (
        f"To go on: where it was renamed, give {parts.target.table} its name back, "
        f"then the same command with --resume {parts.run_id}; otherwise {anew}"
    )
