"""Fixture: a function that creates journals, which are closed after the test."""

import pytest

from propload.journal import (
    Journal,
    JournalOptions,
)


@pytest.fixture
def make_journal(tmp_path):
    opened = []

    def make_journal(sync="off", max_bytes=1 << 20, **keywords):
        folder = tmp_path / "journal" / "run-1"
        options = JournalOptions(sync, max_bytes)
        journal = Journal(folder, options, {"table": "t"}, **keywords)
        opened.append(journal)
        return journal

    yield make_journal
    for journal in opened:
        if journal.folder.exists():
            journal.close(loaded=True)
