"""Rows from Polars, pandas and pyarrow, and from any object with an Arrow C stream."""

from __future__ import annotations

import hashlib
import io
import sys
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from propload.errors import PropLoadError, SourceError
from propload.sources.arrow.arrow_batches import ArrowBatchBuilder
from propload.sources.frames.object_columns import parts_of
from propload.sources.frames.pandas_frames import from_pandas, index_notes
from propload.sources.frames.polars_frames import export_frame, read_polars, read_query
from propload.sources.source import with_position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from propload.batch import Batch
    from propload.options import SourceOptions
    from propload.sources.arrow.parts import ArrowStream, Part

#: Rows, evenly spread, that go into a fingerprint: they tell apart tables of the same
#: size and types, and hashing them takes a millisecond.
SAMPLED_ROWS = 500


class FrameSource:
    """Rows of a table in memory or of a stream of Arrow batches.

    Args:
        open_reader: Starts reading from the first row.
        options: How many rows and bytes go into one batch.
        name: Its name in messages.
        rereadable: Whether `open_reader` gives the same rows each time.
        rows: How many rows there are, or None if unknown.
        sample: Returns the rows that go into the fingerprint; None for a query or a
            stream.
        notes: Notes for the user on how it is read.
        decoded: Whether its texts are known to be UTF-8.
    """

    def __init__(
        self,
        open_reader: Callable[[], ArrowStream],
        options: SourceOptions,
        *,
        name: str = "frame",
        rereadable: bool = True,
        rows: int | None = None,
        sample: Callable[[], pa.Table] | None = None,
        notes: tuple[str, ...] = (),
        decoded: bool = False,
    ) -> None:
        self.name = name
        self.notes = notes
        self.rereadable = rereadable
        self._rows = rows
        self._open_reader = open_reader
        self._options = options
        self._sample = sample
        self._decoded = decoded
        self._ended = False

    @property
    def prefetchable(self) -> bool:
        """Whether its rows are in memory; a query may take long, and run user code."""
        return self._sample is not None

    def rows_expected(self) -> int | None:
        """Return how many rows there are, or None for a query or a stream."""
        return self._rows

    def end_after_current(self) -> None:
        """End after the rows being read now, all of which are still yielded."""
        self._ended = True

    def fingerprint(self) -> str | None:
        """Return a hash of types, size and some rows; None for a query or a stream."""
        if self._sample is None:
            return None
        try:
            rows = self._sample()
            content = io.BytesIO()
            with pa.ipc.new_stream(content, rows.schema) as writer:
                writer.write_table(rows)
        except Exception:  # noqa: BLE001 - a frame's own types have errors of their own
            # reported when the rows are read
            return None
        digest = hashlib.sha256(str(self._rows).encode())
        digest.update(content.getbuffer())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[Batch]:
        builder = ArrowBatchBuilder(self.name, self._options, decoded=self._decoded)
        batches: Iterator[pa.RecordBatch | Part] = iter(())
        try:
            schema, batches = self._open_reader()
            yield from builder.read(schema, self._parts(batches))
        except PropLoadError:
            raise
        except Exception as error:
            # a query may raise errors of its engine, and of functions that it calls
            wrapped = SourceError(
                f"{self.name} cannot be read: {_describe_error(error)}"
            )
            raise with_position(wrapped, self.name, builder.rows_read) from error
        finally:
            # an error may keep the stream alive, and with it its connection; a reader
            # that the user has passed can still be read
            if hasattr(batches, "close"):
                batches.close()

    def _parts(self, batches: Iterator[pa.RecordBatch | Part]) -> Iterator[Part]:
        for part in batches:
            yield part if isinstance(part, tuple) else (part, ())
            if self._ended:
                return


def open_frame(source: object, options: SourceOptions) -> FrameSource | None:
    """Return a source of a table's rows, or None if the object is not a table.

    Args:
        source: A Polars DataFrame or LazyFrame, a pandas DataFrame, a pyarrow table,
            batch, reader, dataset or scanner, or an object with `__arrow_c_stream__`.
        options: How many rows and bytes go into one batch.
    """
    if isinstance(source, pl.Series):
        source = source.to_frame()
    if isinstance(source, pl.DataFrame):
        return _open_polars(source, options)
    if isinstance(source, pl.LazyFrame):
        read = partial(read_query, source, options)
        return FrameSource(read, options, name="lazy frame", decoded=True)
    if _is_pandas(type(source)):
        return _open_pandas(source, options)
    if isinstance(source, pa.RecordBatch):
        source = pa.Table.from_batches([source])
    if isinstance(source, pa.Table):
        read, sample = partial(_read_table, source), partial(_sample_table, source)
        return FrameSource(read, options, rows=len(source), sample=sample)
    is_dataset = _is_dataset(source)
    if is_dataset or hasattr(source, "__arrow_c_stream__"):
        query = partial(_read_dataset, source, options)
        read = query if is_dataset else partial(_read_stream, source)
        name = type(source).__name__
        # a second stream may be empty (readers) or have other rows (queries)
        return FrameSource(read, options, name=name, rereadable=is_dataset)
    return None


def _open_polars(frame: pl.DataFrame, options: SourceOptions) -> FrameSource:
    rows = len(frame)
    return FrameSource(
        partial(read_polars, frame, options),
        options,
        rows=rows,
        sample=lambda: _join_parts(export_frame(frame[:: _stride(rows)])),
        decoded=True,
    )


def _open_pandas(source: Any, options: SourceOptions) -> FrameSource:
    frame = source if hasattr(source, "columns") else source.to_frame()
    rows = len(frame)
    return FrameSource(
        partial(_read_pandas, frame),
        options,
        rows=rows,
        sample=lambda: _join_parts(
            parts_of(*from_pandas(frame.iloc[:: _stride(rows)]))
        ),
        notes=index_notes(frame),
    )


def is_frame(item: object) -> bool:
    """Return whether an item of an iterable is a frame, which holds rows of its own.

    A series is not one: it is a column in some programs and a row in others.
    """
    kind: type = type(item)
    return _is_kind_of_frame(kind)


@lru_cache
def _is_kind_of_frame(kind: type) -> bool:
    if issubclass(kind, pa.ChunkedArray) or hasattr(kind, "to_frame"):
        return False
    if issubclass(kind, pl.LazyFrame) or hasattr(kind, "__arrow_c_stream__"):
        return True
    # pandas before 2.2 has no `__arrow_c_stream__`
    return _is_pandas(kind)


def _is_pandas(kind: type) -> bool:
    """Return whether a type is a frame, series or index of pandas, not a file reader.

    Frames of other libraries that are subclasses of those of pandas count as well.
    """
    modules = {base.__module__.partition(".")[0] for base in kind.__mro__}
    return "pandas" in modules and (hasattr(kind, "iloc") or hasattr(kind, "to_frame"))


def _is_dataset(source: object) -> bool:
    """Return whether it is a pyarrow dataset, or a scanner, which is a query of one."""
    # the module is slow to import, and whoever has a dataset has imported it already
    module = sys.modules.get("pyarrow.dataset")
    return module is not None and isinstance(source, module.Dataset | module.Scanner)


def _sample_table(table: pa.Table) -> pa.Table:
    rows = len(table)
    return table.take(pa.array(range(0, rows, _stride(rows)), pa.int64()))


def _stride(rows: int) -> int:
    return max(1, rows // SAMPLED_ROWS)


def _join_parts(parts: Iterable[Part]) -> pa.Table:
    return pa.Table.from_batches(rows for rows, _ in parts)


def _read_pandas(frame: Any) -> ArrowStream:
    parts = [*parts_of(*from_pandas(frame))]
    return parts[0][0].schema, iter(parts)


def _describe_error(error: Exception) -> str:
    """Return an error's message, with its type unless it is of a known library."""
    is_known = isinstance(
        error, pa.ArrowException | pl.exceptions.PolarsError | OSError
    )
    return f"{error}" if is_known else f"{type(error).__name__}: {error}"


def _read_table(table: pa.Table) -> ArrowStream:
    return table.schema, iter(table.to_batches())


def _read_dataset(source: Any, options: SourceOptions) -> ArrowStream:
    if hasattr(source, "scanner"):
        # by default, a scanner reads ahead and holds millions of rows
        rows = options.chunk_rows
        source = source.scanner(
            batch_size=rows, batch_readahead=2, fragment_readahead=1
        )
    reader = source.to_reader()
    return reader.schema, iter(reader)


def _read_stream(exporter: Any) -> ArrowStream:
    reader = pa.RecordBatchReader.from_stream(exporter)
    return reader.schema, iter(reader)
