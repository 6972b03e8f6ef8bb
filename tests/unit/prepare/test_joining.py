"""Small batches are joined and large ones cut."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa

from propload.batch import AS_OF, NUMBER, ROW, SOURCE, Batch, PartialBatch, Unread
from propload.prepare.joining import Joiner
from propload.values.columns import Columns
from tests.unit.prepare.batches import FilledQueue, batch, join


def join_bytes(batches, nbytes, partial_batches=()):
    """Join rows of 8 bytes by bytes alone; return the heights and what was limited."""
    limited = []
    joiner = Joiner(
        FilledQueue(batches),
        lambda: 1_000,
        1.0,
        partial_batches,
        batch_bytes=lambda: nbytes,
        on_byte_limited=lambda *one: limited.append(one),
    )
    return [one.height for one in joiner], limited


def test_small_batches_are_joined_and_large_ones_cut():
    found = join([batch(0, 3), batch(3, 3), batch(6, 20)])
    assert [one.height for one in found] == [10, 10, 6]
    assert [one.first_row for one in found] == [0, 10, 20]
    assert [one.number for one in found] == [0, 1, 2]


def test_batches_end_at_the_byte_limit():
    heights, limited = join_bytes([batch(0, 100), batch(100, 7), batch(107, 3)], 8 * 40)
    assert heights == [40, 40, 30]
    # the last batch ended with the rows
    assert limited == [(40, 8 * 40)] * 2


def test_full_batch_is_not_extended():
    heights, limited = join_bytes([batch(0, 40), batch(40, 5)], 8 * 40)
    assert heights == [40, 5]
    assert limited == [(40, 8 * 40)]


def test_rest_of_a_batch_counts_its_share_of_the_bytes():
    # every slice of the batch refers to the whole dictionary
    texts = pa.array([str(place) * 200 for place in range(100)]).dictionary_encode()
    rows = pa.RecordBatch.from_pydict({"text": texts})
    heights, _ = join_bytes([Batch(rows, "s", 1)], rows.nbytes // 4)
    assert max(heights) - min(heights[:-1]) == 0
    assert len(heights) <= 5


def test_row_longer_than_the_byte_limit_is_passed_on_alone():
    assert join_bytes([batch(0, 3)], 1) == ([1, 1, 1], [(1, 8)] * 3)


def test_long_row_is_passed_on_after_an_empty_batch():
    assert join_bytes([batch(0, 0), batch(0, 2)], 5) == ([1, 1], [(1, 8)] * 2)


def test_resumed_batch_ends_where_it_did_whatever_its_bytes():
    partial_batches = [
        PartialBatch(0, 0, 30, {}, together=False),
        PartialBatch(2, 50, 60, {}, together=False),
    ]
    heights, limited = join_bytes([batch(0, 100)], 8 * 15, partial_batches)
    # the rows between the resumed batches are new
    assert heights == [30, 15, 5, 10, 15, 15, 10]
    assert len(limited) == 3


def test_different_columns_begin_a_new_batch():
    found = join([batch(0, 3), batch(3, 3, name="other"), batch(6, 2, name="other")])
    assert [one.height for one in found] == [3, 5]


def test_unread_rows_are_counted_and_keep_their_numbers():
    bad = Unread(2, "x", "ragged", "too many fields")
    (one,) = join([batch(0, 3, unread=[bad], numbers=(1, 3, 4))])
    assert (one.height, one.unread, one.through_row) == (3, 1, 4)
    [(origins, reasons)] = one.refused_by_source()
    assert origins[NUMBER].to_list() == [2]
    assert reasons["stage"].to_list() == ["read"]
    assert reasons["value"].to_list() == ["x"]


def test_unread_rows_with_values_are_grouped_by_their_columns():
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def batch_of_unread(name, *rows, as_of=None):
        faults = tuple(Unread(row, "", "fix", "it failed") for row in rows)
        values = pa.record_batch({name: [f"v{row}" for row in rows]})
        empty = pa.record_batch({})
        return Batch(empty, "a", rows[0], unread=faults, as_of=as_of, left=values)

    batches = [
        batch_of_unread("id", 3, 4, as_of=moment),
        batch_of_unread("id", 5),
        batch_of_unread("no", 6, 8),
    ]
    (first, second) = join(batches, rows=4)
    (one, two), (three,) = (list(each.refused_by_source()) for each in (first, second))
    assert one[0].select(ROW, NUMBER, AS_OF, "id").rows() == [
        (0, 3, moment.isoformat(), "v3"),
        (1, 4, moment.isoformat(), "v4"),
        (2, 5, None, "v5"),
    ]
    assert two[0].select(ROW, NUMBER, "no").rows() == [(3, 6, "v6")]
    assert three[0].select(ROW, NUMBER, "no").rows() == [(0, 8, "v8")]
    reason = one[1].select(ROW, "stage", "check", "value", "message").row(2)
    assert reason == (2, "map", "fix", None, "it failed")


def test_origins_name_source_and_row():
    (one,) = join([batch(0, 3, source="a"), batch(0, 3, source="b", numbers=(1, 5, 9))])
    found = one.origins(one.raw()[ROW].gather([0, 2, 4]))
    assert found[SOURCE].to_list() == ["a", "a", "b"]
    assert found[NUMBER].to_list() == [1, 3, 5]


def test_empty_batch_has_its_columns():
    (one,) = join([batch(0, 0)])
    assert one.raw().columns == [ROW, "id"]


def test_by_context_keeps_batches_of_different_as_of_apart():
    early, late = (dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in (1, 2))
    batches = [replace(batch(0, 3), as_of=early), replace(batch(3, 3), as_of=late)]
    assert [one.height for one in join(batches)] == [6]
    apart = list(Joiner(FilledQueue(batches), lambda: 10, 1.0, by_context=True))
    assert [(one.height, one.as_of) for one in apart] == [(3, early), (3, late)]


def test_by_context_keeps_batches_of_different_sources_apart():
    batches = [batch(0, 3), replace(batch(3, 3), source="other")]
    assert [one.height for one in join(batches)] == [6]
    apart = list(Joiner(FilledQueue(batches), lambda: 10, 1.0, by_context=True))
    assert [one.parts[0].source for one in apart] == [batches[0].source, "other"]


def test_numbers_among_texts_are_collected_from_all_parts():
    parts = [
        [(12.125, "1.125"), ("45 m²", None), ("45.525", "x")],
        [("45 m²", 1.5), ("33.125", "1.625"), ("x", "x")],
        [("x", "x"), (45.525, "2.125"), (Decimal("0.250"), None)],
    ]
    columns = Columns()
    batches = [
        Batch(columns.build([{"a": a, "b": b} for a, b in rows]), "s", 1 + 3 * index)
        for index, rows in enumerate(parts)
    ]
    (joined,) = join(batches)
    found = {name: set(texts) for name, texts in joined.numbers().items()}
    assert found == {"a": {"12.125", "45.525", "0.250"}, "b": {"1.5"}}


def test_column_of_texts_alone_has_no_numbers():
    rows = Columns().build([{"a": "12.125"}, {"a": "1"}])
    (joined,) = join([Batch(rows, "s", 1)])
    assert joined.numbers() == {}
