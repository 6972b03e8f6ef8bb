"""Texts become timestamps of the unit that a schema wants exactly, or are rejected."""

from __future__ import annotations

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.casting.row_casting import Cast, cast_types

PLAIN = ["2024-01-01 10:00:00", "2024-01-01T10:00", "2024-01-01 10:00:00.120000", None]
MICROSECONDS = ["2024-1-1 1:00:00.1234", "2024-01-01 10:00:00.000001"]
FAR = ["9999-12-31 00:00:00", "1500-01-01"]
NANOSECONDS = ["2024-01-01 10:00:00.0000001"]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Amsterdam"])
@pytest.mark.parametrize(
    ("unit", "kept", "refused"),
    [
        ("ms", [*PLAIN, *FAR], [*MICROSECONDS, *NANOSECONDS]),
        ("us", [*PLAIN, *FAR, *MICROSECONDS], NANOSECONDS),
        ("ns", [*PLAIN, *MICROSECONDS], [*FAR, *NANOSECONDS]),
    ],
)
def test_timestamp_text_fits_the_unit_exactly_or_is_rejected(unit, zone, kept, refused):
    frame = pl.DataFrame({"seen": [*kept, *refused]}).with_row_index(ROW)
    sifted = cast_types(frame, [Cast("seen", pl.Datetime(unit, zone), "timestamp")])
    assert sifted.frame[ROW].to_list() == list(range(len(kept)))
    assert sifted.frame["seen"].null_count() == 1
    assert sifted.reasons.height == len(refused)
