"""How a journal ends: with its run, whatever became of that."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from propload.errors import JournalError
from propload.messages.wording import counted

if TYPE_CHECKING:
    from propload.journal.recovery import JournalSource
    from propload.journal.writing import Journal
    from propload.messages.suggested_commands import Commands

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """How a run ended, as far as its journal is concerned.

    Attributes:
        loaded: Whether the run is loaded; the run says so.
        note: What a reader of the report should know of the journal's end, or empty.
    """

    loaded: bool = False
    note: str = ""


def close_journal(journal: Journal | JournalSource, outcome: Outcome, /) -> None:
    """Close a journal by what became of its run.

    A disk that refuses then is a note: what the run did is done.
    """
    try:
        journal.close(loaded=outcome.loaded)
    except (OSError, JournalError) as error:
        outcome.note = _note(outcome, error)
        log.warning("%s", outcome.note)


def _note(outcome: Outcome, error: Exception) -> str:
    if outcome.loaded:
        return (
            f"the journal could not be removed: {error}. Its rows are loaded; the next "
            "run into the table finds that out by itself"
        )
    return f"the end of the journal may not have reached the disk: {error}"


class Unclosed(NamedTuple):
    """What is told of a load that nobody closed, around how its rows are loaded.

    Attributes:
        happened: What has happened, with `%s` for the table.
        advice: What is to be done another time.
    """

    happened: str
    advice: str


def warn_unclosed(
    journal: Journal, process: int, commands: Commands, told: Unclosed, /
) -> None:
    """Tell of a journal whose program ends without having closed its `Loader`.

    Args:
        journal: What holds its rows.
        process: The one that wrote it; a fork of that has nothing to tell.
        commands: How commands are written that find the journal.
        told: What has happened to whoever reads it.
    """
    # where the load has ended by itself, a journal without a row that waits is gone
    if os.getpid() != process or not journal.rows or not journal.folder.exists():
        return
    log.warning(
        "%s: %s %s. %s",
        told.happened % journal.about.get("table"),
        _left(journal),
        commands.recover(journal.folder.name),
        told.advice,
    )


def _left(journal: Journal) -> str:
    """Return what is left to do with a journal, up to the command that does it."""
    if journal.takes_effect_late:
        came = counted(journal.rows, "row that came waits", "rows that came wait")
        return f"it keeps its old rows, and the {came}. To put them in its place:"
    waiting = journal.waiting
    if not waiting:
        return (
            "its rows are loaded or rejected, and only its end remains to be recorded:"
        )
    left = counted(waiting, "row waits", "rows wait")
    return f"at most {left} in the journal. To load them:"
