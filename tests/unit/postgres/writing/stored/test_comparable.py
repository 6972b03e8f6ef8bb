"""Which columns can be compared before rows are sent, and in which form."""

from __future__ import annotations

import polars as pl
import pytest

from propload.postgres.sql.shape import ColumnShape
from propload.postgres.writing.stored.comparable import comparable_columns
from propload.target import ColumnPlan

UTC = pl.Datetime("us", "UTC")


def _columns(dtype, transfer_format, pg_type):
    return [ColumnShape(ColumnPlan('a "b"', dtype, transfer_format, pg_type))]


@pytest.mark.parametrize(
    ("dtype", "transfer_format", "pg_type", "stored"),
    [
        (pl.String(), "copy", "text", '"a ""b"""'),
        (pl.String(), "copy", "character varying(20)", '"a ""b"""'),
        (pl.Int32(), "copy", "integer", '"a ""b"""'),
        (pl.Binary(), "copy", "bytea", '"a ""b"""'),
        (pl.Int64(), "copy", "bigint", 'pg_catalog.int8send("a ""b""")'),
        (
            pl.Datetime("us"),
            "copy",
            "timestamp without time zone",
            'pg_catalog.timestamp_send("a ""b""")',
        ),
        (
            UTC,
            "copy",
            "timestamp with time zone",
            'pg_catalog.timestamptz_send("a ""b""")',
        ),
        (pl.Decimal(10, 2), "copy", "numeric(10,2)", '"a ""b"""::text'),
        (pl.String(), "copy", "mood", '"a ""b"""::text'),
        # an enum
        (pl.String(), "copy", "text_kind", '"a ""b"""::text'),
        (pl.String(), "copy", "character(3)", '"a ""b"""::text'),
        (pl.String(), "text", "uuid", '"a ""b"""::text'),
        (pl.String(), "text", "numeric", '"a ""b"""::text'),
    ],
)
def test_stored_column_is_read_in_the_form_of_the_incoming_values(
    dtype, transfer_format, pg_type, stored
):
    [column] = comparable_columns(_columns(dtype, transfer_format, pg_type))
    assert column.stored == stored


@pytest.mark.parametrize(
    ("dtype", "transfer_format", "pg_type"),
    [
        # the server stores them in another form than they were sent
        (pl.String(), "copy", "jsonb"),
        (pl.String(), "copy", "xml"),
        (pl.String(), "text", "interval(3)"),
        (pl.String(), "text", "inet"),
        # types that propload does not hash
        (pl.Time(), "copy", "time without time zone"),
        (pl.Duration("us"), "copy", "interval"),
        (pl.List(pl.Int64()), "copy", "bigint[]"),
    ],
)
def test_one_incomparable_column_prevents_any_comparison(
    dtype, transfer_format, pg_type
):
    others = _columns(pl.Int32(), "copy", "integer")
    assert (
        comparable_columns([*others, *_columns(dtype, transfer_format, pg_type)])
        is None
    )


def test_decimals_are_compared_as_texts_with_all_their_digits():
    [column] = comparable_columns(_columns(pl.Decimal(10, 2), "copy", "numeric(10,2)"))
    frame = pl.DataFrame({'a "b"': pl.Series(["1.5", "-0.10", None])})
    frame = frame.cast(pl.Decimal(10, 2)).select(column.incoming)
    assert frame.to_series().to_list() == ["1.50", "-0.10", None]
