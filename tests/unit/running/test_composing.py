"""The row of its source at which a run begins."""

from __future__ import annotations

import pyarrow as pa
import pytest

from propload.batch import Batch
from propload.journal import Journal, JournalOptions, JournalSource, segments
from propload.options import SourceOptions
from propload.postgres.ledger.history import ResumePoint
from propload.postgres.ledger.run_record import RunRecord
from propload.running.composing import find_start
from propload.sources.items import ItemSource
from propload.starting import Start

RUN = RunRecord("run-1", "spider", "public.t", "append")


@pytest.fixture
def leftover(tmp_path, monkeypatch):
    """Return a journal whose first three rows are gone."""
    folder = tmp_path / "run-1"
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)
    journal = Journal(folder, JournalOptions("off", 1 << 20), {})
    journal.append(Batch(pa.record_batch({"id": [1, 2, 3]}), "spider", 1))
    journal.append(Batch(pa.record_batch({"id": [4, 5, 6, 7]}), "spider", 4))
    next(journal.follow())
    journal.note_committed(3)
    journal.close(loaded=False)
    return JournalSource(folder)


def test_rows_keep_their_numbers_if_earlier_ones_have_no_entry(leftover):
    start = find_start(leftover, None)
    assert (start.first_row, start.rows_unaccounted) == (3, 3)


def test_committed_rows_are_not_read_again(leftover):
    start = Start(batch=1, first_row=5)
    assert find_start(leftover, ResumePoint(RUN, start)) == start


@pytest.mark.parametrize("row", [0, 9])
def test_other_sources_begin_where_the_ledger_says(row):
    source = ItemSource(iter(()), SourceOptions(), name="spider")
    assert find_start(source, ResumePoint(RUN, Start(first_row=row))).first_row == row
    assert find_start(source, None).first_row == 0
