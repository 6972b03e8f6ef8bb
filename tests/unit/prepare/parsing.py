"""Parse texts with a parser's expression."""

from __future__ import annotations

import polars as pl


def read(parse, *texts, **settings_):
    column = pl.Series("text", texts, dtype=pl.String)
    return (
        column.to_frame()
        .select(parse(pl.col("text"), **settings_))
        .to_series()
        .to_list()
    )
