from __future__ import annotations

import datetime as dt
import gzip
import io

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from propload.options import SourceOptions
from propload.sources.arrow import arrow_batches
from propload.sources.files import columnar

FRAME = pl.DataFrame(
    {"id": range(1000), "name": [f"n{place}" for place in range(1000)]},
    schema={"id": pl.Int32, "name": pl.String},
)


def as_bytes(kind):
    file = io.BytesIO()
    if kind == "parquet":
        pq.write_table(FRAME.to_arrow(), file, row_group_size=300)
    elif kind == "arrow":
        FRAME.write_ipc(file)
    else:
        with pa.ipc.new_stream(file, FRAME.to_arrow().schema) as writer:
            writer.write_table(FRAME.to_arrow(), max_chunksize=100)
    return file.getvalue()


@pytest.fixture(params=["parquet", "arrow", "arrows"])
def kind(request):
    return request.param


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("named", [True, False])
def test_rows_and_types_are_the_files_own(read, write, kind, pack, named):
    reading = read(write(f"a.{kind}" if named else "a", pack(as_bytes(kind))))
    assert reading.rows == FRAME.to_dicts()
    assert reading.batches[0].rows.schema.field("id").type == pa.int32()
    assert not reading.batches[0].untyped
    assert reading.numbers == list(range(1, 1001))


def test_batches_keep_to_the_limits(read, write, kind):
    reading = read(write("a", as_bytes(kind)), chunk_rows=70)
    assert max(batch.rows.num_rows for batch in reading.batches) <= 70
    assert reading.numbers == list(range(1, 1001))
    small = read(write("a", as_bytes(kind)), chunk_bytes=500)
    assert max(batch.nbytes for batch in small.batches) <= 1100


@pytest.mark.parametrize("plain", [True, False])
def test_no_more_of_a_row_group_is_read_at_once_than_goes_into_a_batch(
    monkeypatch, plain
):
    # alike, so that a dictionary holds one of them
    texts = pa.table({"id": range(3000), "text": ["x" * 1000] * 3000})
    file = io.BytesIO()
    pq.write_table(texts, file, use_dictionary=not plain)
    most = []

    def cut(rows, *_args, **_options):
        most.append(rows.nbytes)
        return iter(())

    monkeypatch.setattr(arrow_batches, "cut", cut)
    file.seek(0)
    options = SourceOptions(chunk_bytes=50_000)
    assert not list(columnar.read_parquet(file, "a", options))
    assert len(most) > 20
    assert max(most) <= 105_000


def test_many_columns_take_little_more_than_their_pages():
    numbers = pa.table({f"c{place}": range(20_000) for place in range(100)})
    file = io.BytesIO()
    pq.write_table(numbers, file, use_dictionary=False, compression="none")
    before = pa.total_allocated_bytes()
    batches = columnar.read_parquet(file, "a", SourceOptions(chunk_rows=100))
    first = next(batches)
    # a page of each column, which are 16 MB, and a fifth of that to read through
    taken = pa.total_allocated_bytes() - before
    batches.close()
    assert len(first.rows) == 100
    assert taken < 1.5 * numbers.nbytes


def test_a_file_cut_short_is_refused(read, write, kind):
    path = write(f"a.{kind}", as_bytes(kind)[:-200])
    reading = read(path)
    assert reading.rows == FRAME.to_dicts()[: len(reading.rows)]
    assert reading.error is not None
    assert "cut short or damaged: fetch it again (" in str(reading.error)
    assert reading.error.row == len(reading.rows)


def test_a_cut_stream_gives_the_rows_before(read, write):
    assert len(read(write("a.arrows", as_bytes("arrows")[:-200])).rows) == 900


def test_a_damaged_row_group_gives_the_rows_before(read, write):
    content = bytearray(as_bytes("parquet"))
    third = pq.ParquetFile(io.BytesIO(bytes(content))).metadata.row_group(2).column(0)
    start = third.dictionary_page_offset or third.data_page_offset
    content[start : start + 40] = bytes(40)
    reading = read(write("a.parquet", bytes(content)))
    assert reading.rows == FRAME.to_dicts()[:600]
    assert "after row 600" in str(reading.error)


def test_no_rows_still_have_columns(read, write):
    file = io.BytesIO()
    FRAME.head(0).write_parquet(file)
    reading = read(write("a.parquet", file.getvalue()))
    assert reading.names == ["id", "name"]
    assert reading.rows == []


def test_duplicate_columns_are_named(read, write):
    file = io.BytesIO()
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"])
    pq.write_table(table, file)
    assert "'x'" in str(read(write("a.parquet", file.getvalue())).error)


def hive_moments(path, *moments, unit="us", rows=100):
    column = pa.array(moments, pa.timestamp(unit))
    table = pa.table({"id": range(len(moments)), "seen": column, "a.b": column})
    pq.write_table(
        table, path, row_group_size=rows, use_deprecated_int96_timestamps=True
    )
    return path


def test_moments_of_hive_keep_their_year(read, tmp_path):
    texts = ["2024-01-02T03:04:05.000006", "9999-12-31", None, "0001-01-01"]
    days = [one and dt.datetime.fromisoformat(one) for one in texts]
    path = hive_moments(tmp_path / "a.parquet", *days, rows=3)
    reading = read(path, chunk_rows=2)
    assert [row["seen"] for row in reading.rows] == days
    assert [row["a.b"] for row in reading.rows] == days


def test_nanoseconds_of_hive_are_not_cut(read, tmp_path):
    path = hive_moments(tmp_path / "a.parquet", 1_000, 2_001, None, unit="ns", rows=1)
    batches = read(path).batches
    counts = [batch.rows["seen"].cast(pa.int64()).to_pylist() for batch in batches]
    units = [batch.rows["seen"].type.unit for batch in batches]
    assert (counts, units) == ([[1], [2_001], [None]], ["us", "ns", "us"])


def test_moments_of_hive_that_no_unit_holds_are_told():
    far = pa.record_batch({"seen": pa.array([0, 2**62], pa.timestamp("us"))})
    finer = pa.table({"seen": pa.array([1, 0], pa.timestamp("ns"))})
    with pytest.raises(pa.ArrowInvalid, match="column seen has nanoseconds"):
        columnar._with_nanoseconds(far, finer)
