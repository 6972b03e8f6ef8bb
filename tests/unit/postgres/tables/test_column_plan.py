from __future__ import annotations

import polars as pl
import pytest

from propload.postgres.tables.column_plan import plan_column
from propload.postgres.tables.facts import TableColumn


@pytest.mark.parametrize(
    "dtype",
    [pl.Float64(), pl.Int8(), pl.String(), pl.Boolean(), pl.Decimal(9, 3), pl.Null()],
)
@pytest.mark.parametrize(
    ("base", "pg_type", "sent"),
    [
        ("int2", "smallint", pl.Int16()),
        ("float4", "real", pl.Float32()),
        ("numeric", "numeric(12,2)", pl.Decimal(12, 2)),
    ],
)
def test_numbers_are_sent_as_the_column_reads_them(dtype, base, pg_type, sent):
    step = plan_column(TableColumn("v", pg_type, base), dtype)
    assert (step.dtype, step.carrier) == (sent, "copy")
