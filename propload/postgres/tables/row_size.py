"""Rows that no page of the server can hold, by what their values take at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What a page loses to its own header and to a row's, in bytes.
PAGE_HEADER, ROW_HEADER = 32, 24
#: A longer value may be compressed or stored elsewhere; both leave something behind.
LONGEST_INLINE, LEFT_INLINE = 20, 10
#: How many columns fit into a page of 8 kB, whatever they hold.
FITTING_COLUMNS = 380
#: An index surely takes keys of this many bytes: in pages of 8 kB, 2,704 fit.
INDEXED = 2_500
#: Bytes of a value of each type, or fewer.
_LEAST: Mapping[pl.DataType, int] = {
    pl.Boolean(): 1,
    pl.Int16(): 2,
    pl.Int32(): 4,
    pl.Int64(): 8,
    pl.Float32(): 4,
    pl.Float64(): 8,
    pl.Date(): 4,
    pl.Time(): 8,
}


def too_wide(layer: pl.DataFrame, block_bytes: int, /) -> list[int]:
    """Return the places of rows that are surely wider than a page of the server.

    Args:
        layer: Rows as they are staged.
        block_bytes: The size of a page.
    """
    room = block_bytes - PAGE_HEADER - ROW_HEADER
    # column by column: all at once they would take as much memory as the rows
    taken = pl.repeat(0, layer.height, dtype=pl.UInt32, eager=True)
    for values in layer.iter_columns():
        taken += _least_bytes(values)
    return (taken > room).arg_true().to_list()


def long_keys(layer: pl.DataFrame, key: Sequence[str], /) -> pl.Series:
    """Return for each row whether its key may be longer than an index can hold.

    Whether it is, depends on how far the server can compress it.
    """
    lengths = [
        pl.col(name).str.len_bytes() if kind == pl.String else pl.col(name).bin.size()
        for name, kind in layer.select(key).schema.items()
        if kind in (pl.String, pl.Binary)
    ]
    is_long = pl.sum_horizontal(lengths) > INDEXED if lengths else pl.lit(value=False)
    return layer.select(pl.repeat(value=True, n=pl.len()) & is_long).to_series()


def _least_bytes(values: pl.Series) -> pl.Series:
    """Return the bytes that each value takes in its row at least; a null none."""
    if values.dtype in (pl.String, pl.Binary):
        is_text = values.dtype == pl.String
        length = values.str.len_bytes() if is_text else values.bin.size()
        least = length.set(length > LONGEST_INLINE, LEFT_INLINE - 1) + 1
        return least.fill_null(0)
    return values.is_not_null().cast(pl.UInt32) * _LEAST.get(values.dtype, 1)
