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


def as_bytes(format_name):
    file = io.BytesIO()
    if format_name == "parquet":
        pq.write_table(FRAME.to_arrow(), file, row_group_size=300)
    elif format_name == "arrow":
        FRAME.write_ipc(file)
    else:
        with pa.ipc.new_stream(file, FRAME.to_arrow().schema) as writer:
            writer.write_table(FRAME.to_arrow(), max_chunksize=100)
    return file.getvalue()


@pytest.fixture(params=["parquet", "arrow", "arrows"])
def format_name(request):
    return request.param


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("named", [True, False])
def test_rows_and_types_are_those_of_the_file(read, write, format_name, pack, named):
    reading = read(
        write(f"a.{format_name}" if named else "a", pack(as_bytes(format_name)))
    )
    assert reading.rows == FRAME.to_dicts()
    assert reading.batches[0].rows.schema.field("id").type == pa.int32()
    assert not reading.batches[0].untyped
    assert reading.numbers == list(range(1, 1001))


def test_batches_respect_the_limits_on_rows_and_bytes(read, write, format_name):
    reading = read(write("a", as_bytes(format_name)), chunk_rows=70)
    assert max(batch.rows.num_rows for batch in reading.batches) <= 70
    assert reading.numbers == list(range(1, 1001))
    small = read(write("a", as_bytes(format_name)), chunk_bytes=500)
    assert max(batch.nbytes for batch in small.batches) <= 1100


@pytest.mark.parametrize("plain", [True, False])
def test_row_group_is_read_one_batch_at_a_time(monkeypatch, plain):
    # equal texts, so that the dictionary holds only one
    texts = pa.table({"id": range(3000), "text": ["x" * 1000] * 3000})
    file = io.BytesIO()
    pq.write_table(texts, file, use_dictionary=not plain)
    sizes = []

    def cut(rows, *_args, **_options):
        sizes.append(rows.nbytes)
        return iter(())

    monkeypatch.setattr(arrow_batches, "cut", cut)
    file.seek(0)
    options = SourceOptions(chunk_bytes=50_000)
    assert not list(columnar.read_parquet(file, "a", options))
    assert len(sizes) > 20
    assert max(sizes) <= 105_000


def test_wide_file_takes_little_more_memory_than_its_pages():
    numbers = pa.table({f"c{place}": range(20_000) for place in range(100)})
    file = io.BytesIO()
    pq.write_table(numbers, file, use_dictionary=False, compression="none")
    before = pa.total_allocated_bytes()
    batches = columnar.read_parquet(file, "a", SourceOptions(chunk_rows=100))
    first = next(batches)
    # one page of each column, 16 MB in all, and a fifth of that for buffers
    taken = pa.total_allocated_bytes() - before
    batches.close()
    assert len(first.rows) == 100
    assert taken < 1.5 * numbers.nbytes


def test_truncated_file_is_reported(read, write, format_name):
    path = write(f"a.{format_name}", as_bytes(format_name)[:-200])
    reading = read(path)
    assert reading.rows == FRAME.to_dicts()[: len(reading.rows)]
    assert reading.error is not None
    assert "cut short or damaged: fetch it again (" in str(reading.error)
    assert reading.error.row == len(reading.rows)


def test_truncated_stream_yields_its_complete_batches(read, write):
    assert len(read(write("a.arrows", as_bytes("arrows")[:-200])).rows) == 900


def test_rows_before_a_damaged_row_group_are_read(read, write):
    content = bytearray(as_bytes("parquet"))
    third = pq.ParquetFile(io.BytesIO(bytes(content))).metadata.row_group(2).column(0)
    start = third.dictionary_page_offset or third.data_page_offset
    content[start : start + 40] = bytes(40)
    reading = read(write("a.parquet", bytes(content)))
    assert reading.rows == FRAME.to_dicts()[:600]
    assert "after row 600" in str(reading.error)


def test_file_without_rows_has_columns(read, write):
    file = io.BytesIO()
    FRAME.head(0).write_parquet(file)
    reading = read(write("a.parquet", file.getvalue()))
    assert reading.names == ["id", "name"]
    assert reading.rows == []


def test_error_names_duplicate_column(read, write):
    file = io.BytesIO()
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"])
    pq.write_table(table, file)
    assert "'x'" in str(read(write("a.parquet", file.getvalue())).error)


def write_int96_timestamps(path, *timestamps, unit="us", rows=100):
    column = pa.array(timestamps, pa.timestamp(unit))
    table = pa.table({"id": range(len(timestamps)), "seen": column, "a.b": column})
    pq.write_table(
        table, path, row_group_size=rows, use_deprecated_int96_timestamps=True
    )
    return path


def test_int96_timestamps_keep_their_year(read, tmp_path):
    texts = ["2024-01-02T03:04:05.000006", "9999-12-31", None, "0001-01-01"]
    days = [one and dt.datetime.fromisoformat(one) for one in texts]
    path = write_int96_timestamps(tmp_path / "a.parquet", *days, rows=3)
    reading = read(path, chunk_rows=2)
    assert [row["seen"] for row in reading.rows] == days
    assert [row["a.b"] for row in reading.rows] == days


def test_int96_nanoseconds_are_not_truncated(read, tmp_path):
    path = write_int96_timestamps(
        tmp_path / "a.parquet", 1_000, 2_001, None, unit="ns", rows=1
    )
    batches = read(path).batches
    counts = [batch.rows["seen"].cast(pa.int64()).to_pylist() for batch in batches]
    units = [batch.rows["seen"].type.unit for batch in batches]
    assert (counts, units) == ([[1], [2_001], [None]], ["us", "ns", "us"])


def test_int96_timestamps_that_fit_no_unit_raise():
    far = pa.record_batch({"seen": pa.array([0, 2**62], pa.timestamp("us"))})
    finer = pa.table({"seen": pa.array([1, 0], pa.timestamp("ns"))})
    with pytest.raises(pa.ArrowInvalid, match="column seen has nanoseconds"):
        columnar._with_nanoseconds(far, finer)
