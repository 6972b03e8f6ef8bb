"""Converts Polars frames to Arrow, in parts of limited size."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from propload.sources.arrow.wide_numbers import holds_wide, wide_column
from propload.sources.frames.object_columns import parts_of
from propload.sources.source import most_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

    from propload.options import SourceOptions
    from propload.sources.arrow.parts import ArrowStream, Part


def read_polars(frame: pl.DataFrame, options: SourceOptions) -> ArrowStream:
    """Return the rows of a frame in memory, without copying its texts."""
    parts = chain([frame.head(0)], frame.iter_slices(options.chunk_rows))
    return _split_schema(_to_batches(parts, options, _export_text_views))


def read_query(frame: pl.LazyFrame, options: SourceOptions) -> ArrowStream:
    """Return the rows of a lazy frame, which are yielded as they are computed."""
    empty = pl.DataFrame(schema=frame.collect_schema())
    parts = frame.collect_batches(chunk_size=options.chunk_rows, engine="streaming")
    return _split_schema(_to_batches(chain([empty], parts), options, _export))


def _split_schema(parts: Iterator[Part]) -> ArrowStream:
    """Return the schema of the parts, and the parts after the first, which is empty."""
    empty, _ = next(parts)
    return empty.schema, parts


def export_frame(frame: pl.DataFrame) -> Iterator[Part]:
    """Yield all rows of a frame, copied."""
    return _parts(frame, _export)


def _to_batches(
    parts: Iterable[pl.DataFrame],
    options: SourceOptions,
    export: Callable[[pl.DataFrame], pa.Table],
) -> Iterator[Part]:
    for part in parts:
        for small in _split_large(part, options):
            yield from _parts(small, export)


def _parts(
    frame: pl.DataFrame, export: Callable[[pl.DataFrame], pa.Table]
) -> Iterator[Part]:
    """Yield the rows as Arrow; of Python objects, Polars would export only pointers."""
    places = [place for place, kind in enumerate(frame.dtypes) if kind == pl.Object]
    objects = {place: frame.to_series(place).to_list() for place in places}
    others = frame.with_columns(pl.lit(None).alias(frame.columns[n]) for n in places)
    return parts_of(export(others), objects)


def _split_large(frame: pl.DataFrame, options: SourceOptions) -> Iterator[pl.DataFrame]:
    """Yield the rows in slices of limited size, because exporting a slice copies it."""
    if len(frame) <= 1 or frame.estimated_size() <= most_bytes(options):
        yield frame
        return
    half = len(frame) // 2
    yield from _split_large(frame[:half], options)
    yield from _split_large(frame[half:], options)


def _export_text_views(frame: pl.DataFrame) -> pa.Table:
    """Return a frame in memory as Arrow, without copying its texts."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    table = _export(frame.with_columns(pl.lit(None).alias(name) for name in texts))
    for name in texts:
        views = frame.get_column(name).to_arrow(compat_level=pl.CompatLevel.newest())
        table = table.set_column(frame.get_column_index(name), name, views)
    return table


def _export(frame: pl.DataFrame) -> pa.Table:
    """Return the frame as Arrow, with decimals in place of 128-bit integers."""
    wide = [name for name, kind in frame.schema.items() if holds_wide(kind)]
    table = frame.with_columns(pl.lit(None).alias(name) for name in wide).to_arrow()
    for name in wide:
        place = frame.get_column_index(name)
        table = table.set_column(place, *wide_column(frame[name]))
    return table.combine_chunks()
