"""Incoming rows get the same hashes as the server computes for stored rows."""

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
#: Texts that PostgreSQL stores; none may contain NUL.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
#: From the first day to the last one that both Python and PostgreSQL know.
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


def _frame(drawn_rows):
    columns = zip(*drawn_rows, strict=True) if drawn_rows else [[]] * len(TYPES)
    return pl.DataFrame(
        [
            pl.Series(f"c {index}", values).cast(dtype)
            if dtype == UTC
            else pl.Series(f"c {index}", values, dtype=dtype)
            for index, ((dtype, _), values) in enumerate(
                zip(TYPES.values(), columns, strict=True)
            )
        ]
    )


@PROPERTY
@given(drawn_rows=rows)
def test_server_hashes_equal_those_of_the_rows_that_were_sent(database, drawn_rows):
    frame = _frame(drawn_rows).with_row_index("k").cast({"k": pl.Int64})
    types = {"k": "bigint"} | {f"c {n}": pg_type for n, pg_type in enumerate(TYPES)}
    plans = [
        ColumnShape(ColumnPlan(name, frame.schema[name], "copy", pg_type))
        for name, pg_type in types.items()
    ]
    hasher = Hasher(TABLE, comparable_columns(plans) or (), ("k",))
    listed = ", ".join(f'"{name}" {pg_type}' for name, pg_type in types.items())
    with connect(database) as session:
        session.execute('DROP TABLE IF EXISTS "odd ""name"""')
        session.execute(f'CREATE TABLE "odd ""name""" ({listed})')
        session.copy(TABLE.table, frame, namespace=TABLE.namespace)
        session.commit()
        known = TableReader(hasher, 0, 1_000).read(session)
    assert known is not None
    assert known.find(hasher.hash_incoming(frame)).all()
