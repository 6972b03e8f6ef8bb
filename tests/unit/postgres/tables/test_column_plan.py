from __future__ import annotations

import polars as pl
import pytest

from propload.postgres.tables.column_plan import plan_column
from propload.postgres.tables.facts import TableColumn

POINT = pl.List(pl.Float64())


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
def test_numbers_are_sent_in_the_type_of_the_column(dtype, base, pg_type, sent):
    step = plan_column(TableColumn("v", pg_type, base), dtype)
    assert (step.dtype, step.transfer_format) == (sent, "copy")


@pytest.mark.parametrize(
    ("base", "dtype", "transfer_format"),
    [
        ("geometry", pl.Binary(), "text"),
        ("geography", pl.Binary(), "text"),
        ("geometry", pl.Struct({"type": pl.String(), "coordinates": POINT}), "text"),
        # PostGIS reads no JSON for it
        ("geography", pl.Struct({"type": pl.String(), "coordinates": POINT}), None),
        ("geometry", pl.Struct({"x": pl.Float64(), "y": pl.Float64()}), None),
        ("ltree", pl.Binary(), None),
    ],
)
def test_geometries_are_sent_as_text(base, dtype, transfer_format):
    step = plan_column(TableColumn("v", f"gis.{base}", base), dtype)
    assert (step and step.transfer_format) == transfer_format


def test_list_of_bytes_does_not_become_an_array_of_geometries():
    column = TableColumn(
        "v", "geometry[]", "_geometry", "array", element_base="geometry"
    )
    assert plan_column(column, pl.List(pl.Binary())) is None
    bytea = TableColumn("v", "bytea[]", "_bytea", "array", element_base="bytea")
    assert plan_column(bytea, pl.List(pl.Binary())) is not None
