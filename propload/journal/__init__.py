"""The journal: batches on disk until they are committed.

A source that cannot be read again hands its batches to a journal; each is on disk
before its producer goes on. The loader follows the journal, and what is committed
is removed. `records` knows the bytes, `segments` the files, `folders` what lies beside
them, `writing` the live journal and `pending_records` what of it waits,
`journaled_source` the source in front of it, `ending` its end, `recovery` what a killed
run left behind.
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
