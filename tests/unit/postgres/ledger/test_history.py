"""Where a run goes on is read from what its ledger says of rows."""

from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.history import make_point
from propload.postgres.ledger.run_record import RunRecord
from propload.report import Counts


def entry(batch, lane, rows, *, wrote, read=None):
    """Return an entry of a piece; the first lane tells of the rows that were read."""
    read = (rows[1] - rows[0] if read is None else read) if lane == 0 else 0
    return LedgerEntry(batch, lane, *rows, Counts(read=read, inserted=wrote))


def run_of(lanes=2):
    return RunRecord("run", "a.csv", "t", "upsert", settings=f'{{"workers": {lanes}}}')


def point_of(*entries, lanes=2, dropped_rows=0):
    return make_point(run_of(lanes), entries, dropped_rows=dropped_rows)


def test_a_run_goes_on_behind_the_batches_that_are_complete():
    point = point_of(
        entry(0, 0, (0, 4), wrote=2),
        entry(0, 1, (0, 4), wrote=2),
        entry(1, 1, (4, 8), wrote=3),
    )
    (begun,) = point.start.partial_batches
    assert (point.start.first_row, point.start.batch, point.start.batches) == (4, 2, 1)
    assert (begun.number, begun.first_row, begun.through_row) == (1, 4, 8)
    assert begun.accounted == {1: 3}
    assert point.committed == {(0, 0), (0, 1), (1, 1)}
    assert point.start.counts.inserted == 7


def test_rows_of_which_nothing_was_entered_come_again_whatever_came_after_them():
    point = point_of(
        entry(1, 0, (2, 4), wrote=2), entry(2, 0, (4, 6), wrote=2), lanes=1
    )
    assert (point.start.first_row, point.start.batch) == (0, 3)
    begun = [(one.number, one.first_row) for one in point.start.partial_batches]
    assert begun == [(1, 2), (2, 4)]


def test_each_batch_is_routed_as_its_own_entries_tell():
    point = point_of(
        entry(0, 0, (0, 4), wrote=2),
        entry(0, 1, (0, 4), wrote=2),
        # the second lane had nothing to write, as all rows took the first one
        entry(1, 1, (4, 8), wrote=0),
    )
    assert [one.together for one in point.start.partial_batches] == [True]
    point = point_of(entry(0, 0, (0, 4), wrote=4), entry(1, 1, (4, 8), wrote=1))
    assert [one.together for one in point.start.partial_batches] == [True, False]
    # the second lane, which had as many, has committed nothing
    point = point_of(entry(0, 0, (0, 4), wrote=2))
    assert [one.together for one in point.start.partial_batches] == [False]


def test_what_was_written_again_no_longer_counts_and_what_was_not_does():
    entries = [
        # numbered after the batch that was written again, and complete before it
        entry(7, 0, (0, 4), wrote=4),
        entry(3, 0, (4, 8), wrote=4),
        entry(9, 0, (4, 6), wrote=2),
    ]
    point = make_point(run_of(1).with_void_entries(4, 8), entries)
    assert point.committed == {(7, 0), (9, 0)}
    assert (point.start.first_row, point.start.batch) == (6, 10)
    assert point.start.counts.inserted == 6


def test_a_run_goes_on_behind_rows_that_its_journal_let_go_of():
    """Of rows 0 to 4 nothing was entered, and the journal begins within a batch."""
    entries = entry(1, 0, (4, 8), wrote=4), entry(2, 0, (9, 12), wrote=3)
    point = point_of(*entries, lanes=1, dropped_rows=6)
    assert (point.start.first_row, point.start.rows_unaccounted) == (8, 4)
    assert [one.number for one in point.start.partial_batches] == [2]
