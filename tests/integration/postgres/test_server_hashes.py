"""Rows that come have the hashes that the server gives them when they are stored."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from propload.postgres.session.connection import connect
from propload.postgres.sql.shape import ColumnShape
from propload.postgres.writing.stored.comparable import comparable_columns
from propload.postgres.writing.stored.table_reading import Hasher, TableReader
from propload.target import ColumnPlan, TableName

pytestmark = pytest.mark.timeout(120)

PROPERTY = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TABLE = TableName("public", 'odd "name"')
UTC = pl.Datetime("us", "UTC")
#: What PostgreSQL takes; a NUL no text may hold.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
#: From the first day to the last one that both sides have.
moments = st.datetimes(*map(dt.datetime.fromisoformat, ["0001-01-01", "9999-12-31"]))

TYPES = {
    "boolean": (pl.Boolean(), st.booleans()),
    "smallint": (pl.Int16(), st.integers(-(2**15), 2**15 - 1)),
    "integer": (pl.Int32(), st.integers(-(2**31), 2**31 - 1)),
    "bigint": (pl.Int64(), st.integers(-(2**63), 2**63 - 1)),
    "real": (pl.Float32(), st.floats(width=32)),
    "double precision": (pl.Float64(), st.floats()),
    "date": (pl.Date(), st.dates()),
    "timestamp without time zone": (pl.Datetime("us"), moments),
    "timestamp with time zone": (UTC, moments),
    "text": (pl.String(), texts),
    "character varying(90)": (pl.String(), texts.map(lambda text: text[:90])),
    "bytea": (pl.Binary(), st.binary(max_size=70)),
    "numeric(10,2)": (
        pl.Decimal(10, 2),
        st.integers(-(10**10) + 1, 10**10 - 1).map(lambda n: Decimal(n).scaleb(-2)),
    ),
}
rows = st.lists(
    st.tuples(*(st.none() | values for _, values in TYPES.values())), max_size=30
)


def _frame(given_rows):
    columns = zip(*given_rows, strict=True) if given_rows else [[]] * len(TYPES)
    return pl.DataFrame(
        [
            pl.Series(f"c {place}", values).cast(dtype)
            if dtype == UTC
            else pl.Series(f"c {place}", values, dtype=dtype)
            for place, ((dtype, _), values) in enumerate(
                zip(TYPES.values(), columns, strict=True)
            )
        ]
    )


@PROPERTY
@given(given_rows=rows)
def test_the_server_has_the_hashes_of_the_rows_that_were_sent(database, given_rows):
    frame = _frame(given_rows).with_row_index("k").cast({"k": pl.Int64})
    kinds = {"k": "bigint"} | {f"c {n}": kind for n, kind in enumerate(TYPES)}
    plans = [
        ColumnShape(ColumnPlan(name, frame.schema[name], "copy", kind))
        for name, kind in kinds.items()
    ]
    hasher = Hasher(TABLE, comparable_columns(plans) or (), ("k",))
    listed = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
    with connect(database) as session:
        session.execute('DROP TABLE IF EXISTS "odd ""name"""')
        session.execute(f'CREATE TABLE "odd ""name""" ({listed})')
        session.copy(TABLE.table, frame, namespace=TABLE.namespace)
        session.commit()
        known = TableReader(hasher, 0, 1_000).read(session)
    assert known is not None
    assert known.find(hasher.hash_incoming(frame)).all()
