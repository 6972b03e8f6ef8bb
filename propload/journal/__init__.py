"""The journal: batches on disk until they are committed.

A source that cannot be read again gives its batches to a journal, which writes each to
disk before the producer continues. The loader reads the journal, and committed batches
are removed from it. `records` holds the format, `segments` the files, `folders` the
notes beside them, `writing` the live journal, `pending_records` its batches that wait,
`journaled_source` the source in front of it, `ending` its end, and `recovery` the
journals that killed runs have left.
"""

from __future__ import annotations

from propload.journal.recovery import (
    JournalSource,
    Leftover,
    find_leftovers,
    is_in_use,
)
from propload.journal.segments import JournalOptions
from propload.journal.writing import Journal

__all__ = [
    "Journal",
    "JournalOptions",
    "JournalSource",
    "Leftover",
    "find_leftovers",
    "is_in_use",
]
