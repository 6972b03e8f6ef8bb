"""Batches end where they ended before, however rows arrive."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import Batch, PartialBatch
from propload.prepare.joining import Joiner


class Given:
    """Batches that are all there already."""

    def __init__(self, batches):
        self._left = list(batches)

    def get(self, *, timeout=None):
        return self._left.pop(0) if self._left else None


def batch(first, count, name="id", unread=(), source="s", numbers=None):
    rows = pa.RecordBatch.from_pydict(
        {name: pa.array(range(first, first + count), pa.int64())}
    )
    return Batch(rows, source, first + 1, numbers, False, tuple(unread))


def begun_of(*ends):
    """Return batches that follow one another, from the first row on."""
    starts = (0, *ends[:-1])
    places = enumerate(zip(starts, ends, strict=True))
    return [
        PartialBatch(number, *place, {}, together=False) for number, place in places
    ]


def join(batches, rows=10, begun=(), number=0):
    return list(Joiner(Given(batches), lambda: rows, 1.0, begun, number=number))


@settings(max_examples=50)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=12),
    st.integers(1, 15),
    st.integers(1, 15),
)
def test_the_same_ends_give_the_same_batches_however_rows_arrive(sizes, rows, other):
    def batches():
        start = 0
        for size in sizes:
            yield batch(start, size)
            start += size

    first = join(batches(), rows)
    begun = begun_of(*(one.through_row for one in first))
    again = join(batches(), other, begun, number=99)
    found = [one.raw()["id"].to_list() for one in first if one.height]
    assert found == [one.raw()["id"].to_list() for one in again if one.height]
    assert [n for one in found for n in one] == list(range(sum(sizes)))
