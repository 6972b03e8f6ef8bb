"""Dropping journals of runs that will not be recovered."""

import pytest

from propload.earlier_runs.leftover_journals import drop_leftover
from propload.journal import Journal, JournalOptions
from tests.unit.journal.batches import batch


def test_failed_drop_can_be_repeated(tmp_path):
    folder = tmp_path / "journal" / "run-1"
    journal = Journal(folder, JournalOptions("off", 1 << 20), {"source": "a"})
    journal.append(batch(0, 3))
    journal.close(loaded=False)
    # a folder in place of a segment, which cannot be read
    unreadable = folder / f"{10:016d}.journal"
    unreadable.mkdir()
    with pytest.raises(IsADirectoryError):
        drop_leftover("run-1", state_dir=tmp_path)
    unreadable.rmdir()
    assert drop_leftover("run-1", state_dir=tmp_path) == 3
    assert not folder.exists()
