"""Frames with a key column and a value column, and a day to date their rows by."""

from __future__ import annotations

import datetime as dt

import polars as pl

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def frame(keys, values="a", **columns):
    values = [values] * len(keys) if isinstance(values, str) else values
    return pl.DataFrame(
        {"k": keys, "v": values, **columns}, schema_overrides={"v": pl.String}
    )
