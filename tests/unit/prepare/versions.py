"""Frames with several versions of a row, for the tests of dedupe."""

from __future__ import annotations

import polars as pl

from propload.batch import ROW

SCHEMA = {
    "site": pl.String,
    "id": pl.Int64,
    "seen": pl.Int64,
    "price": pl.Int64,
    "note": pl.String,
}
KEY = ("site", "id")


def frame_of(rows):
    return pl.DataFrame(rows, schema=SCHEMA).with_row_index(ROW)


def content(frame):
    return [tuple(row) for row in frame.drop(ROW).rows()]
