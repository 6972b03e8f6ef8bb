"""Find rows and keys too large for a page, by the least size of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Bytes of a page that its own header and the row's header take.
PAGE_HEADER, ROW_HEADER = 32, 24
#: A value of more bytes may be compressed or stored out of line; it then still takes at
#: least the second number of bytes in the row.
LONGEST_INLINE, LEFT_INLINE = 20, 10
#: How many columns fit into a page of 8 kB, whatever their values.
FITTING_COLUMNS = 380
#: An index surely accepts keys of this many bytes: in pages of 8 kB, 2,704 fit.
INDEXED_KEY_BYTES = 2_500
#: The size of a value of each type in bytes, or less.
_MIN_BYTES: Mapping[pl.DataType, int] = {
    pl.Boolean(): 1,
    pl.Int16(): 2,
    pl.Int32(): 4,
    pl.Int64(): 8,
    pl.Float32(): 4,
    pl.Float64(): 8,
    pl.Date(): 4,
    pl.Time(): 8,
}


def rows_too_wide(layer: pl.DataFrame, block_bytes: int, /) -> list[int]:
    """Return the 0-based positions of rows that surely do not fit into a page.

    Args:
        layer: Rows as they are staged.
        block_bytes: The size of a page.
    """
    room = block_bytes - PAGE_HEADER - ROW_HEADER
    # column by column: all together would take as much memory as the rows
    row_bytes = pl.repeat(0, layer.height, dtype=pl.UInt32, eager=True)
    for values in layer.iter_columns():
        row_bytes += _min_bytes(values)
    return (row_bytes > room).arg_true().to_list()


def long_keys(layer: pl.DataFrame, key: Sequence[str], /) -> pl.Series:
    """Return for each row whether its key may be longer than an index can hold.

    Whether it is depends on how far the server can compress it.
    """
    lengths = [
        pl.col(name).str.len_bytes() if kind == pl.String else pl.col(name).bin.size()
        for name, kind in layer.select(key).schema.items()
        if kind in (pl.String, pl.Binary)
    ]
    is_long = (
        pl.sum_horizontal(lengths) > INDEXED_KEY_BYTES
        if lengths
        else pl.lit(value=False)
    )
    return layer.select(pl.repeat(value=True, n=pl.len()) & is_long).to_series()


def _min_bytes(values: pl.Series) -> pl.Series:
    """Return how many bytes each value takes in its row at least; a null takes none."""
    if values.dtype in (pl.String, pl.Binary):
        is_text = values.dtype == pl.String
        length = values.str.len_bytes() if is_text else values.bin.size()
        least = length.set(length > LONGEST_INLINE, LEFT_INLINE - 1) + 1
        return least.fill_null(0)
    return values.is_not_null().cast(pl.UInt32) * _MIN_BYTES.get(values.dtype, 1)
