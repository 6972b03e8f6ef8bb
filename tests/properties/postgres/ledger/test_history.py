"""Where a run goes on is read from what its ledger says of rows."""

from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(max_examples=200)
@given(
    heights=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    unentered=st.sets(st.integers(0, 7)),
    lanes=st.lists(st.integers(0, 9), min_size=1, max_size=3),
    let_go=st.integers(0, 40),
)
def test_no_row_is_passed_over_that_has_no_end(heights, unentered, lanes, let_go):
    """Each lane commits its batches in order, up to some number.

    A journal lets go only of rows before that, also where nothing was entered of them.
    """
    entries, first, covered = [], 0, set()
    for number, height in enumerate(heights):
        rows = first, first + height
        first += height
        done = [lane for lane, upto in enumerate(lanes) if number < upto]
        if number in unentered or not done:
            continue
        entries += [entry(number, lane, rows, wrote=height) for lane in done]
        if len(done) == len(lanes):
            covered.update(range(*rows))
    dropped_rows = min(let_go, sum(heights[: min(lanes)]))
    point = point_of(*entries, lanes=len(lanes), dropped_rows=dropped_rows)
    assert point.start.first_row >= dropped_rows
    passed = set(range(point.start.first_row))
    assert passed <= covered | set(range(dropped_rows))
    assert point.start.rows_unaccounted == len(passed - covered)
    for one in point.start.partial_batches:
        assert one.first_row >= point.start.first_row
        assert one.number < point.start.batch
