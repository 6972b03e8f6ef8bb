"""The year 0, which PostgreSQL refuses and others take for 1 BC, is rejected."""

from __future__ import annotations

import polars as pl
import pytest

from propload.prepare.casting.inference import infer_types
from tests.unit.prepare.casts import cast_values

DATE = pl.Date(), "date"
TIMESTAMP = pl.Datetime("us"), "timestamp without time zone"
TIMESTAMP_UTC = pl.Datetime("us", "UTC"), "timestamp with time zone"


@pytest.mark.parametrize("inferred", [False, True])
@pytest.mark.parametrize(
    ("wanted", "clock"),
    [(DATE, ""), (TIMESTAMP, " 10:00:00"), (TIMESTAMP_UTC, "T10:00:00Z")],
)
def test_date_or_timestamp_in_year_0_is_rejected(wanted, clock, inferred):
    texts = [day + clock for day in ("2024-01-01", "0000-01-01", "0001-01-01")]
    _, refused = cast_values(texts, None, *wanted, inferred=inferred)
    assert refused == [1]


@pytest.mark.parametrize("clock", ["", " 10:00", "T10:00:00Z"])
def test_year_0_is_not_guessed_as_date(clock):
    texts = [f"2024-01-01{clock}", f"0000-01-01{clock}"]
    assert infer_types(pl.DataFrame({"built": texts})) == {"built": pl.String()}
