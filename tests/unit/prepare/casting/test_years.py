"""There was no year 0: PostgreSQL refuses it, and others take it for 1 BC."""

from __future__ import annotations

import polars as pl
import pytest

from propload.prepare.casting.inference import infer_types
from tests.unit.prepare.casts import cast_values

DAY = pl.Date(), "date"
MOMENT = pl.Datetime("us"), "timestamp without time zone"
IN_UTC = pl.Datetime("us", "UTC"), "timestamp with time zone"


@pytest.mark.parametrize("inferred", [False, True])
@pytest.mark.parametrize(
    ("wanted", "clock"), [(DAY, ""), (MOMENT, " 10:00:00"), (IN_UTC, "T10:00:00Z")]
)
def test_a_day_of_the_year_0_is_refused(wanted, clock, inferred):
    texts = [day + clock for day in ("2024-01-01", "0000-01-01", "0001-01-01")]
    _, refused = cast_values(texts, None, *wanted, inferred=inferred)
    assert refused == [1]


@pytest.mark.parametrize("clock", ["", " 10:00", "T10:00:00Z"])
def test_a_year_0_decides_no_type(clock):
    texts = [f"2024-01-01{clock}", f"0000-01-01{clock}"]
    assert infer_types(pl.DataFrame({"built": texts})) == {"built": pl.String()}
