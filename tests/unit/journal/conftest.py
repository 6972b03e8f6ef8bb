"""Fixture: create journals, which are closed after each test."""

import pytest

from propload.journal import (
    Journal,
    JournalOptions,
)


@pytest.fixture
def make(tmp_path):
    opened = []

    def make(sync="off", max_bytes=1 << 20, **more):
        folder = tmp_path / "journal" / "run-1"
        options = JournalOptions(sync, max_bytes)
        journal = Journal(folder, options, {"table": "t"}, **more)
        opened.append(journal)
        return journal

    yield make
    for journal in opened:
        if journal.folder.exists():
            journal.close(loaded=True)
