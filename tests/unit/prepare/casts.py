"""Cast values like those of a column to the type of a table's column."""

from __future__ import annotations

import datetime as dt

import polars as pl

from propload.batch import REASONS, ROW
from propload.prepare.casting.inference import infer_types
from propload.prepare.casting.row_casting import Cast, cast_types

moment = dt.datetime.fromisoformat


def frame_of(values, dtype=None):
    column = pl.Series("value", values, dtype=dtype)
    return column.to_frame().with_row_index(ROW)


def cast_values(values, dtype, wanted, pg_type="the type", *, inferred=False):
    """Return the kept values by row, and the numbers of the rejected rows."""
    frame = frame_of(values, dtype)
    sifted = cast_types(frame, [Cast("value", wanted, pg_type, inferred=inferred)])
    assert sifted.frame.schema["value"] == wanted
    assert sifted.reasons.schema == REASONS
    kept = dict(zip(sifted.frame[ROW], sifted.frame["value"], strict=True))
    refused = sifted.reasons[ROW].to_list()
    assert sorted([*kept, *set(refused)]) == list(range(frame.height))
    return kept, refused


def infer(values):
    return infer_types(pl.DataFrame({"x": values}, schema={"x": pl.String}))["x"]
