"""A run that continues an earlier one whose batches are partly committed."""

from dataclasses import replace

import pytest

from propload.batch import (
    PartialBatch,
)
from propload.errors import (
    ConfigError,
    CountsError,
    SourceError,
)
from propload.report import Counts
from propload.starting import Start
from propload.testing import MemorySource
from tests.unit.pipeline.running import counts, rows, threads_left

pytestmark = pytest.mark.timeout(30)


def test_pieces_committed_earlier_are_skipped(make_pipeline):
    partial_batches = (
        PartialBatch(0, 0, 7, {0: 4, 1: 3}, False),
        PartialBatch(1, 7, 14, {0: 3}, False),
    )
    start = Start(
        batch=2, partial_batches=partial_batches, counts=Counts(inserted=7 + 3)
    )
    pipeline, table = make_pipeline(MemorySource(rows(28)), start=start)
    pipeline.run()
    expected = {n for n in range(28) if not (n < 7 or (n < 14 and n % 2 == 0))}
    assert {key for (key,) in table.rows} == expected
    assert counts(pipeline, all_read=True) == Counts(read=28, inserted=28)


def test_wrong_count_of_an_earlier_process_is_detected(make_pipeline):
    start = Start(1, 14, counts=Counts(inserted=13))
    pipeline, _ = make_pipeline(MemorySource(rows(6)), start=start)
    pipeline.run()
    with pytest.raises(CountsError, match=r"20 rows came .* but 19 are accounted"):
        counts(pipeline, all_read=True)


def test_piece_that_differs_from_the_committed_one_is_refused(make_pipeline):
    start = Start(batch=1, partial_batches=(PartialBatch(0, 0, 7, {1: 4}, False),))
    pipeline, table = make_pipeline(MemorySource(rows(28)), start=start)
    with pytest.raises(ConfigError, match=r"rows 1 to 7 .*lane 1 had 4 rows .* have 3"):
        pipeline.run()
    assert table.rows == {}
    assert threads_left() == []


def test_rows_from_before_the_ledger_was_lost_are_not_missed(make_pipeline):
    start = Start(first_row=5, rows_unaccounted=5)
    pipeline, _ = make_pipeline(MemorySource(rows(14)), start=start)
    pipeline.run()
    assert counts(pipeline, all_read=True).read == 14


class SourceWithEnd:
    """Rows in batches of five, after which `on_end` is called."""

    def __init__(self, count, on_end=None):
        self.batches = MemorySource(rows(count), chunk_rows=5)
        self.on_end = on_end

    def __iter__(self):
        yield from self.batches
        self.on_end()


#: One of two lanes has committed its part of rows 8 to 21.
HALF = Start(
    batch=2,
    first_row=0,
    partial_batches=(PartialBatch(1, 7, 21, {0: 7}, together=False),),
)


def fail():
    raise SourceError("the disk is gone")


@pytest.mark.parametrize("read", [5, 15])
def test_partial_batch_cut_off_by_a_stop_is_left_as_it_is(make_pipeline, read):
    source = SourceWithEnd(read)
    start = replace(HALF, counts=Counts(inserted=7))
    pipeline, table = make_pipeline(source, start=start)
    source.on_end = pipeline.stop
    pipeline.run()
    assert {key for (key,) in table.rows} == set(range(min(read, 7)))
    done = min(read, 7) + 7
    assert counts(pipeline, all_read=True) == Counts(read=done, inserted=done)


def test_partial_batch_cut_off_by_a_source_error_is_left_as_it_is(make_pipeline):
    pipeline, table = make_pipeline(SourceWithEnd(15, fail), start=HALF)
    with pytest.raises(SourceError, match="the disk is gone"):
        pipeline.run()
    assert {key for (key,) in table.rows} == set(range(7))


@pytest.mark.parametrize("read", [5, 15])
def test_source_that_lacks_rows_of_a_partial_batch_is_refused(make_pipeline, read):
    pipeline, table = make_pipeline(MemorySource(rows(read)), start=HALF)
    with pytest.raises(
        ConfigError, match=r"rows 8 to 21 .*no longer read in one piece"
    ):
        pipeline.run()
    assert {key for (key,) in table.rows} == set(range(min(read, 7)))


def test_partial_batch_that_new_columns_split_is_refused(make_pipeline):
    source = [
        *MemorySource(rows(15)),
        *(
            replace(one, first_row=16)
            for one in MemorySource([{**row, "new": 1} for row in rows(30)[15:]])
        ),
    ]
    pipeline, table = make_pipeline(source, start=HALF)
    with pytest.raises(
        ConfigError, match=r"rows 8 to 21 .*no longer read in one piece"
    ):
        pipeline.run()
    assert {key for (key,) in table.rows} == set(range(7))
