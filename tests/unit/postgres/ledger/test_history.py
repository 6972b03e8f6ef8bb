"""Where a run is resumed, derived from the entries of its ledger."""

from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.history import make_point
from propload.postgres.ledger.run_record import RunRecord
from propload.report import Counts


def entry(batch, lane, rows, *, wrote, read=None):
    """Return an entry of a piece; only the first lane counts rows as read."""
    read = (rows[1] - rows[0] if read is None else read) if lane == 0 else 0
    return LedgerEntry(batch, lane, *rows, Counts(read=read, inserted=wrote))


def run_of(lanes=2):
    return RunRecord("run", "a.csv", "t", "upsert", settings=f'{{"workers": {lanes}}}')


def point_of(*entries, lanes=2, dropped_rows=0):
    return make_point(run_of(lanes), entries, dropped_rows=dropped_rows)


def test_run_is_resumed_after_its_complete_batches():
    point = point_of(
        entry(0, 0, (0, 4), wrote=2),
        entry(0, 1, (0, 4), wrote=2),
        entry(1, 1, (4, 8), wrote=3),
    )
    (partial,) = point.start.partial_batches
    assert (point.start.first_row, point.start.batch, point.start.batches) == (4, 2, 1)
    assert (partial.number, partial.first_row, partial.through_row) == (1, 4, 8)
    assert partial.accounted == {1: 3}
    assert point.committed == {(0, 0), (0, 1), (1, 1)}
    assert point.start.counts.inserted == 7


def test_rows_without_an_entry_are_loaded_again_despite_later_entries():
    point = point_of(
        entry(1, 0, (2, 4), wrote=2), entry(2, 0, (4, 6), wrote=2), lanes=1
    )
    assert (point.start.first_row, point.start.batch) == (0, 3)
    partial = [(one.number, one.first_row) for one in point.start.partial_batches]
    assert partial == [(1, 2), (2, 4)]


def test_routing_of_each_batch_is_derived_from_its_entries():
    point = point_of(
        entry(0, 0, (0, 4), wrote=2),
        entry(0, 1, (0, 4), wrote=2),
        # the second lane had nothing to write, because all rows took the first
        entry(1, 1, (4, 8), wrote=0),
    )
    assert [one.together for one in point.start.partial_batches] == [True]
    point = point_of(entry(0, 0, (0, 4), wrote=4), entry(1, 1, (4, 8), wrote=1))
    assert [one.together for one in point.start.partial_batches] == [True, False]
    # the second lane, which had as many rows, has committed nothing
    point = point_of(entry(0, 0, (0, 4), wrote=2))
    assert [one.together for one in point.start.partial_batches] == [False]


def test_void_entries_of_rewritten_rows_do_not_count():
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


def test_run_is_resumed_after_rows_dropped_by_its_journal():
    """Rows 0 to 4 have no entry, and the journal begins within a batch."""
    entries = entry(1, 0, (4, 8), wrote=4), entry(2, 0, (9, 12), wrote=3)
    point = point_of(*entries, lanes=1, dropped_rows=6)
    assert (point.start.first_row, point.start.rows_unaccounted) == (8, 4)
    assert [one.number for one in point.start.partial_batches] == [2]


def test_batch_that_has_lost_entries_is_not_awaited_if_the_journal_dropped_its_rows():
    entries = (
        *(entry(0, lane, (0, 4), wrote=2) for lane in (0, 1)),
        entry(1, 0, (4, 8), wrote=3),
    )
    start = point_of(*entries, dropped_rows=10).start
    assert (start.first_row, start.partial_batches) == (10, ())
    # one of the second batch, and two of which the ledger knows nothing
    assert start.rows_unaccounted == 1 + 2
    assert point_of(*entries, dropped_rows=4).start.first_row == 4
