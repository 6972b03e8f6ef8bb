"""How a journal ends: with its run, whatever became of that."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from propload.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)


class Closing(Protocol):
    """A journal, live or left over."""

    def close(self, *, loaded: bool) -> None:
        """End it; it goes where all its rows are loaded."""


@dataclass(slots=True)
class Outcome:
    """How a run ended, as far as its journal is concerned.

    Attributes:
        loaded: Whether the run is loaded; the run says so.
        note: What a reader of the report should know of the journal's end, or empty.
    """

    loaded: bool = False
    note: str = ""


@contextmanager
def keeping(journal: Closing | None, /) -> Iterator[Outcome]:
    """Close a journal at the end of a block that tells whether its rows are loaded.

    A disk that refuses then is a note: what the run did is done.
    """
    outcome = Outcome()
    try:
        yield outcome
    finally:
        try:
            if journal is not None:
                journal.close(loaded=outcome.loaded)
        except (OSError, JournalError) as error:
            outcome.note = _note(outcome, error)
            log.warning("%s", outcome.note)


def _note(outcome: Outcome, error: Exception) -> str:
    if outcome.loaded:
        return (
            f"the journal could not be removed: {error}. Its rows are loaded, which "
            "the next run into the table finds out by itself"
        )
    return f"the end of the journal may not have reached the disk: {error}"
