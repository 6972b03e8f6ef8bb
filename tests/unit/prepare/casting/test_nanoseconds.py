"""Texts with nanoseconds are rejected: the server would round them to microseconds."""

from __future__ import annotations

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.casting.row_casting import Cast, cast_types

KEPT = ["10:00:00.123456", "10:00:00.1234560", "10:00", None]
ROUNDED = ["10:00:00.1234567", "1:2.0000005"]


@pytest.mark.parametrize(
    ("pg_type", "kept", "rounded"),
    [
        ("time with time zone", ["10:00:00.123456+02"], ["10:00:00.1234567+02"]),
        (
            "interval",
            ["PT0.000001S", "0.12345678 days", "1 day 00:00:01.5"],
            ["PT0.0000001S", "1.0000005 seconds", "1 days 00:00:00.000000001"],
        ),
    ],
)
def test_text_that_the_server_would_round_is_rejected(pg_type, kept, rounded):
    texts = [*KEPT, *kept, *ROUNDED, *rounded]
    frame = pl.DataFrame({"v": texts}).with_row_index(ROW)
    sifted = cast_types(frame, [Cast("v", pl.String(), pg_type)])
    assert sifted.frame["v"].to_list() == [*KEPT, *kept]
    assert sifted.reasons["message"].str.contains("stored exactly").all()
