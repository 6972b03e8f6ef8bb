"""Batches end where they ended before, however rows arrive."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import PartialBatch, Unread
from propload.options import SourceOptions
from propload.prepare.joining import Joiner, skip_rows
from propload.sources.source import cut
from tests.unit.prepare.batches import FilledQueue, batch, join


def begun_of(*ends):
    """Return batches that follow one another, from the first row on."""
    starts = (0, *ends[:-1])
    places = enumerate(zip(starts, ends, strict=True))
    return [
        PartialBatch(number, *place, {}, together=False) for number, place in places
    ]


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


def cut_into(readable, chunk_rows):
    """Yield rows as a source does that reads so many at once; those at fault unread."""
    for start in range(0, len(readable), 2 * chunk_rows):
        numbers = range(start, min(start + 2 * chunk_rows, len(readable)))
        good = [number for number in numbers if readable[number]]
        yield from cut(
            pa.RecordBatch.from_pydict({"id": pa.array(good, pa.int64())}),
            "s",
            start + 1,
            SourceOptions(chunk_rows=chunk_rows),
            unread=[Unread(n + 1, "x", "x", "x") for n in numbers if not readable[n]],
        )


def contents(joined):
    good = [n for one in joined.parts for n in one.rows.column("id").to_pylist()]
    unread = [fault.row - 1 for one in joined.parts for fault in one.unread]
    return joined.first_row, joined.through_row, good, unread


@settings(max_examples=100)
@given(
    readable=st.lists(st.booleans(), min_size=1, max_size=40),
    chunks=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    rows=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    done=st.integers(0, 6),
    begun=st.sets(st.integers(0, 12)),
)
def test_a_run_goes_on_with_the_same_rows_however_its_source_is_cut(
    readable, chunks, rows, done, begun
):
    first = join(cut_into(readable, chunks[0]), rows[0])
    start = ([0] + [one.through_row for one in first])[: done + 1][-1]
    left = [one for one in first if one.first_row >= start and one.number in begun]
    known = [
        PartialBatch(one.number, one.first_row, one.through_row, {}, together=False)
        for one in left
    ]
    rest = skip_rows(cut_into(readable, chunks[1]), start)
    joiner = Joiner(
        FilledQueue(rest), lambda: rows[1], 1.0, known, number=99, first_row=start
    )
    again = list(joiner)
    made_again = {one.number: contents(one) for one in again if one.number < 99}
    assert made_again == {one.number: contents(one) for one in left}
    # each row of the source once, in its order: the readable and the others
    good = [n for one in again for n in contents(one)[2]]
    unread = [n for one in again for n in contents(one)[3]]
    numbers = range(start, len(readable))
    assert good == [n for n in numbers if readable[n]]
    assert unread == [n for n in numbers if not readable[n]]
    for one in again:
        assert sorted([*contents(one)[2], *contents(one)[3]]) == list(
            range(one.first_row, one.through_row)
        )
