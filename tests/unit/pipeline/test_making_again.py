"""A run that goes on where another has ended."""

import pytest

from propload.batch import (
    PartialBatch,
)
from propload.errors import (
    ConfigError,
    CountsError,
)
from propload.pipeline.stages import Start
from propload.report import Counts
from propload.testing import MemorySource
from tests.unit.pipeline.running import counts, rows, threads_left

pytestmark = pytest.mark.timeout(30)


def test_pieces_committed_before_are_passed_over(make):
    begun = (
        PartialBatch(0, 0, 7, {0: 4, 1: 3}, False),
        PartialBatch(1, 7, 14, {0: 3}, False),
    )
    start = Start(batch=2, begun=begun, counts=Counts(inserted=7 + 3))
    pipeline, table = make(MemorySource(rows(28)), start=start)
    pipeline.run()
    expected = {n for n in range(28) if not (n < 7 or (n < 14 and n % 2 == 0))}
    assert {key for (key,) in table.rows} == expected
    assert counts(pipeline, all_read=True) == Counts(read=28, inserted=28)


def test_a_count_of_an_earlier_process_that_is_wrong_is_seen(make):
    start = Start(1, 14, counts=Counts(inserted=13))
    pipeline, _ = make(MemorySource(rows(6)), start=start)
    pipeline.run()
    with pytest.raises(CountsError, match=r"20 rows came .* but 19 are accounted"):
        counts(pipeline, all_read=True)


def test_a_piece_that_comes_out_otherwise_than_it_was_committed_is_refused(make):
    start = Start(batch=1, begun=(PartialBatch(0, 0, 7, {1: 4}, False),))
    pipeline, table = make(MemorySource(rows(28)), start=start)
    with pytest.raises(ConfigError, match=r"rows 1 to 7 .*lane 1 had 4 rows .* have 3"):
        pipeline.run()
    assert table.rows == {}
    assert threads_left() == []


def test_what_came_before_a_ledger_was_lost_is_not_missed(make):
    start = Start(first_row=5, untold=5)
    pipeline, _ = make(MemorySource(rows(14)), start=start)
    pipeline.run()
    assert counts(pipeline, all_read=True).read == 14
