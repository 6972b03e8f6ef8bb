"""Rows that no page of the server can hold, by what their values take at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a page loses to its own header and to a row's, in bytes.
PAGE_HEADER, ROW_HEADER = 32, 24
#: A longer value may be compressed or stored elsewhere; both leave something behind.
LONGEST_INLINE, LEFT_INLINE = 20, 10
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
    if layer.width * (LONGEST_INLINE + 1) <= room:
        return []
    # column by column: all at once they would take as much memory as the rows
    taken = pl.repeat(0, layer.height, dtype=pl.UInt32, eager=True)
    for values in layer.iter_columns():
        taken += _least_bytes(values)
    return (taken > room).arg_true().to_list()


def _least_bytes(values: pl.Series) -> pl.Series:
    """Return the bytes that each value takes in its row at least; a null none."""
    if values.dtype in (pl.String, pl.Binary):
        is_text = values.dtype == pl.String
        length = values.str.len_bytes() if is_text else values.bin.size()
        least = length.set(length > LONGEST_INLINE, LEFT_INLINE - 1) + 1
        return least.fill_null(0)
    return values.is_not_null().cast(pl.UInt32) * _LEAST.get(values.dtype, 1)
