"""Parse texts with a function of the mapping."""

from __future__ import annotations

import polars as pl


def read(parse, text):
    return read_all(parse, [text])[0]


def read_all(parse, texts):
    """Parse many texts in one frame, because a frame has a fixed cost."""
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frame.select(parse(pl.col("text"))).to_series().to_list()
