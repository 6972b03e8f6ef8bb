"""Ends a journal with its run, whatever the run's outcome."""

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
    """How a run and its journal ended.

    Attributes:
        loaded: Whether the run has loaded everything; set by the run.
        note: A note for the report if closing the journal failed, or empty.
    """

    loaded: bool = False
    note: str = ""


def close_journal(journal: Journal | JournalSource, outcome: Outcome, /) -> None:
    """Close a journal at the end of its run; remove it if no row of it is needed.

    An error of the disk only becomes a note: the run's outcome is settled.
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
    """The texts around the command in the warning about a load that was not closed.

    Attributes:
        happened: What has happened, with `%s` for the table.
        advice: What to do next time.
    """

    happened: str
    advice: str


def warn_unclosed(
    journal: Journal, process: int, commands: Commands, texts: Unclosed, /
) -> None:
    """Warn of rows in a journal if the program ends without closing its `Loader`.

    Args:
        journal: Holds the rows.
        process: The id of the process that wrote it; a fork of it does not warn.
        commands: Words commands that find the journal.
        texts: The texts of the warning.
    """
    # if the load ended by itself, a journal without waiting rows was removed
    if os.getpid() != process or not journal.rows or not journal.folder.exists():
        return
    log.warning(
        "%s: %s %s. %s",
        texts.happened % journal.about.get("table"),
        _remaining_rows(journal),
        commands.recover(journal.folder.name),
        texts.advice,
    )


def _remaining_rows(journal: Journal) -> str:
    """Return the part of the warning on what is left, up to the command."""
    if journal.takes_effect_late:
        came = counted(journal.rows, "row that came waits", "rows that came wait")
        return f"it keeps its old rows, and the {came}. To put them in its place:"
    waiting = journal.waiting
    if not waiting:
        return (
            "its rows are loaded or rejected, and only its end remains to be recorded:"
        )
    rows = counted(waiting, "row waits", "rows wait")
    return f"at most {rows} in the journal. To load them:"
