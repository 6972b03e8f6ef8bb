"""Frames and batches among items are read as the rows they hold."""

from __future__ import annotations

import io
from itertools import count

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from propload.batch import Batch, Unread
from propload.options import SourceOptions
from propload.sources import open_source
from propload.testing import MemorySource

FRAMES = [
    pl.DataFrame,
    pd.DataFrame,
    lambda rows: pl.DataFrame(rows).lazy(),
    pa.Table.from_pylist,
    pa.RecordBatch.from_pylist,
    lambda rows: pa.Table.from_pylist(rows).to_reader(),
]


@pytest.mark.parametrize("make", FRAMES)
@pytest.mark.parametrize("collect", [list, iter])
def test_rows_of_frames_among_items_are_read(read, make, collect):
    items = [
        {"a": 0},
        make([{"a": 1}, {"a": 2}, {"a": 3}]),
        make([{"a": 4, "b": "x"}]),
        None,
        {"a": 6},
        make([{"a": 7}]),
    ]
    reading = read(collect(items), chunk_rows=2)
    assert [row["a"] for row in reading.rows] == [0, 1, 2, 3, 4, 6, 7]
    assert [row["b"] for row in reading.rows if row.get("b")] == ["x"]
    assert reading.numbers == [1, 2, 3, 4, 5, 7, 8]
    assert [fault.row for fault in reading.unread] == [6]
    assert max(batch.rows.num_rows for batch in reading.batches) == 2
    assert len({batch.source for batch in reading.batches}) == 1


def test_chunks_of_a_pandas_csv_reader_are_read(read):
    chunks = pd.read_csv(io.StringIO("a,b\n1,x\n2,y\n3,z\n"), chunksize=2)
    reading = read(chunks)
    assert reading.tuples == [(1, "x"), (2, "y"), (3, "z")]
    assert reading.numbers == [1, 2, 3]


def test_batches_among_items_keep_their_source_and_row_numbers(read):
    one = Batch(pa.record_batch({"a": [1, 2]}), "one.csv", 1)
    other = Batch(
        pa.record_batch({"a": [3]}), "other.csv", 5, unread=(Unread(6, "x", "y", "z"),)
    )
    reading = read([one, other, {"a": 4}])
    assert reading.tuples == [(1,), (2,), (3,), (4,)]
    assert [batch.source for batch in reading.batches] == [
        "one.csv",
        "other.csv",
        "list",
    ]
    assert reading.numbers == [1, 2, 5, 5]
    assert read(one).tuples == [(1,), (2,)]


def test_memory_source_is_read(read):
    assert read(MemorySource([{"a": n} for n in range(25)])).numbers == [*range(1, 26)]


def test_name_of_memory_source_is_kept_in_its_batches():
    source = MemorySource([{"a": 1}], name="homes")
    assert open_source(source, SourceOptions()).name == "homes"
    assert [batch.source for batch in source] == ["homes"]


@pytest.mark.parametrize("make", [list, iter])
def test_empty_frame_among_items_is_skipped(read, make):
    frame = pl.DataFrame({"a": [1]})
    reading = read(make([frame.head(0), frame, frame.head(0), {"a": 2}]))
    assert (reading.tuples, reading.numbers) == ([(1,), (2,)], [1, 2])
    assert read(make([frame.head(0)])).error is None


@pytest.mark.parametrize(
    "series", [pd.Series([1]), pd.Series({"a": 1}), pl.Series([1])]
)
def test_series_among_items_is_rejected(read, series):
    reading = read([{"a": 1}, series])
    assert reading.tuples == [(1,)]
    assert [fault.check for fault in reading.unread] == ["item"]


def test_frames_are_generated_only_as_they_are_read():
    generated = []

    def frames():
        for number in count():
            generated.append(number)
            yield pl.DataFrame({"a": [number] * 10})

    batches = iter(open_source(frames(), SourceOptions(chunk_rows=5)))
    next(batches)
    next(batches)
    assert generated == [0]
