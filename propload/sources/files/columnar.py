"""Columnar files, which have types: Parquet, Arrow IPC files (Feather) and streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq

from propload.errors import SourceError
from propload.sources.arrow.arrow_batches import ArrowBatchBuilder
from propload.sources.source import fitting_rows, with_position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from propload.batch import Batch
    from propload.options import SourceOptions

#: The first bytes of an Arrow IPC file; a stream has none of its own.
ARROW_FILE_MAGIC = b"ARROW1"
OLD_FEATHER_MAGIC = b"FEA1"
#: Parquet's physical type for timestamps of 96 bits, as Hive, Impala and Spark write.
_INT96 = "INT96"
#: The largest distance from 1970, in microseconds, that 64 bits hold as nanoseconds.
_MOST_MICROSECONDS = (2**63 - 1) // 1_000
#: Rows read to estimate the width of a row group's rows if metadata alone cannot tell.
SAMPLED_ROWS = 1_000
#: Each column of a row group has its own buffer, so that 1 MB each would be 800 MB for
#: 800 columns; larger ones than this read no faster from a local disk.
_COLUMN_BUFFER = 32 << 10
_OF_ANY_LENGTH = {"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}
#: Encodings that write each text in full (`PLAIN`, `DELTA_LENGTH_BYTE_ARRAY`) or only
#: the levels that mark nulls and lists (`RLE`, `BIT_PACKED`).
_PLAIN = {"PLAIN", "RLE", "BIT_PACKED", "DELTA_LENGTH_BYTE_ARRAY"}


def read_parquet(file: IO[bytes], name: str, options: SourceOptions) -> Iterator[Batch]:
    """Yield the rows of a Parquet file, one part of a row group at a time.

    Args:
        file: The file, open and seekable.
        name: Its name in messages.
        options: How many rows and bytes go into one batch.
    """
    return _read(_open_parquet, file, name, options)


def read_arrow(file: IO[bytes], name: str, options: SourceOptions) -> Iterator[Batch]:
    """Yield the rows of an Arrow IPC file (Feather) or stream.

    Args:
        file: The file, open and seekable.
        name: Its name in messages.
        options: How many rows and bytes go into one batch.
    """
    magic = file.read(len(ARROW_FILE_MAGIC))
    if magic.startswith(OLD_FEATHER_MAGIC):
        msg = f"{name} is Feather of version 1: write it again as version 2 or Parquet"
        raise SourceError(msg, source=name)
    is_file = magic == ARROW_FILE_MAGIC
    file.seek(0)
    return _read(_open_ipc_file if is_file else _open_ipc_stream, file, name, options)


def count_parquet(file: IO[bytes], /) -> int:
    """Return the number of rows in a Parquet file, according to its metadata.

    Raises:
        pyarrow.ArrowException: It is cut short or damaged.
    """
    return int(pq.read_metadata(file).num_rows)


def count_arrow(file: IO[bytes], /) -> int | None:
    """Return about how many rows an Arrow IPC file has, or None for a stream.

    All batches but the last one are assumed to be as long as the first one.

    Raises:
        pyarrow.ArrowException: It is cut short or damaged.
    """
    if file.read(len(ARROW_FILE_MAGIC)) != ARROW_FILE_MAGIC:
        return None
    file.seek(0)
    # read one column only: without this, all columns of both batches would be read
    narrow = pa.ipc.IpcReadOptions(included_fields=[0], use_threads=False)
    reader = pa.ipc.open_file(file, options=narrow)
    count = reader.num_record_batches
    if not count:
        return 0
    last = int(reader.get_batch(count - 1).num_rows)
    return last + (count - 1) * int(reader.get_batch(0).num_rows) if count > 1 else last


def _read(
    open_rows: Callable[[Any, SourceOptions], tuple[pa.Schema, Iterator[Any]]],
    file: IO[bytes],
    name: str,
    options: SourceOptions,
) -> Iterator[Batch]:
    builder = ArrowBatchBuilder(name, options)
    try:
        schema, batches = open_rows(file, options)
        yield from builder.read(schema, ((rows, ()) for rows in batches))
    except (pa.ArrowException, OSError) as error:
        msg = f"{name} is cut short or damaged: fetch it again ({error})"
        raise with_position(SourceError(msg), name, builder.rows_read) from error


def _open_parquet(
    file: IO[bytes], options: SourceOptions
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    reader = _parquet(file, int96_unit="us")
    # group by group: if a batch spanned several, a damaged one would take good ones
    # with it
    batches = (
        rows
        for group in range(reader.num_row_groups)
        for rows in _rows_of_group(reader, file, group, options)
    )
    return reader.schema_arrow.remove_metadata(), batches


def _parquet(file: IO[bytes], *, int96_unit: str) -> pq.ParquetFile:
    """Return a reader that reads INT96 timestamps in the given unit."""
    # pre-buffering would hold all column chunks of a row group in memory
    return pq.ParquetFile(
        file,
        pre_buffer=False,
        buffer_size=_COLUMN_BUFFER,
        coerce_int96_timestamp_unit=int96_unit,
    )


def _rows_of_group(
    reader: pq.ParquetFile, file: IO[bytes], group: int, options: SourceOptions
) -> Iterator[pa.RecordBatch]:
    batches = reader.iter_batches(
        fitting_rows(_width(reader, group), options),
        row_groups=[group],
        use_threads=False,
    )
    names = [c.path for c in reader.schema if c.physical_type == _INT96]
    names = [name for name in names if name in reader.schema_arrow.names]
    if not names:
        yield from batches
        return
    finer = _parquet(file, int96_unit="ns").read_row_group(
        group, columns=names, use_threads=False
    )
    start = 0
    for rows in batches:
        yield _with_nanoseconds(rows, finer.slice(start, rows.num_rows))
        start += rows.num_rows


def _with_nanoseconds(rows: pa.RecordBatch, finer: pa.Table) -> pa.RecordBatch:
    """Return the rows, with columns in nanoseconds if a value needs that.

    Args:
        rows: The rows, with timestamps in microseconds.
        finer: Their INT96 columns in nanoseconds; timestamps before 1677 and after 2262
            have overflowed there and are wrong.

    Raises:
        pyarrow.ArrowInvalid: A column has fractions of a microsecond as well as
            timestamps outside of the range of nanoseconds.
    """
    for name in finer.column_names:
        exact = finer[name].combine_chunks()
        count = exact.cast(pa.int64())
        place = rows.schema.get_field_index(name)
        micro = rows.column(place).cast(pa.int64())
        in_range = pc.less_equal(pc.abs(micro), _MOST_MICROSECONDS)
        is_whole = pc.equal(pc.multiply(pc.divide(count, 1_000), 1_000), count)
        if not pc.any(pc.and_not(in_range, is_whole)).as_py():
            continue
        if not pc.all(in_range).as_py():
            msg = (
                f"column {name} has nanoseconds together with times outside their range"
            )
            raise pa.ArrowInvalid(msg)
        rows = rows.set_column(place, name, exact)
    return rows


def _width(reader: pq.ParquetFile, group: int) -> float:
    """Return about how many bytes a row of a row group takes in memory."""
    metadata = reader.metadata.row_group(group)
    columns = [metadata.column(place) for place in range(metadata.num_columns)]
    packed = [column.path_in_schema for column in columns if _is_packed(column)]
    plain = [
        column.total_uncompressed_size for column in columns if not _is_packed(column)
    ]
    width = float(sum(plain) / max(1, metadata.num_rows))
    if not packed or metadata.num_rows <= SAMPLED_ROWS:
        return width
    sample = next(
        reader.iter_batches(
            SAMPLED_ROWS,
            row_groups=[group],
            columns=packed,
            use_threads=False,
        )
    )
    return width + float(sample.nbytes / sample.num_rows)


def _is_packed(column: pq.ColumnChunkMetaData) -> bool:
    """Return whether a column's texts take fewer bytes in the file than in memory.

    A dictionary holds each text once, however many rows have it; delta encoding leaves
    out the prefix that a text shares with the one before.
    """
    return column.physical_type in _OF_ANY_LENGTH and not _PLAIN.issuperset(
        column.encodings
    )


def _open_ipc_file(
    file: IO[bytes], _: SourceOptions
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    reader = pa.ipc.open_file(file)
    parts = (reader.get_batch(place) for place in range(reader.num_record_batches))
    return reader.schema, parts


def _open_ipc_stream(
    file: IO[bytes], _: SourceOptions
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    reader = pa.ipc.open_stream(file)
    return reader.schema, iter(reader)
