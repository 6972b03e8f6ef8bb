"""Rows that the table already holds are not sent, and the result is the same."""

import datetime as dt
from dataclasses import asdict
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import propload
from propload.postgres.writing.stored.stored_rows import StoredRows
from tests.integration.reading import query, read_table, run_sql, writes_of
from tests.integration.stored_rows.homes import DAY, homes, load

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_only_rows_that_the_table_does_not_hold_are_written(
    database, were_compared, workers
):
    frame = homes()
    load(database, frame)
    assert not were_compared()
    before = writes_of(database, "homes")
    counts = load(database, frame, workers=workers, batch_rows=400)
    assert were_compared()
    assert counts == propload.Counts(read=3_000, unchanged=3_000)
    assert writes_of(database, "homes") == before

    changed = frame.with_columns(
        price=pl.when(pl.col("k") % 10 == 0).then(1).otherwise("price")
    )
    more = pl.concat([changed, homes(3_100)[3_000:]])
    counts = load(database, more, workers=workers, batch_rows=400)
    assert were_compared()
    assert counts == propload.Counts(
        read=3_100, inserted=100, updated=300, unchanged=2_700
    )
    assert read_table(database, "homes").sort("k").equals(more)


#: Two values of a column type that are easily taken for the same.
ALIKE = [
    ("double precision", pl.Float64(), None, 0.0),
    ("double precision", pl.Float64(), 1.0, 1.0000000000000002),
    ("real", pl.Float32(), 0.5, 0.50000006),
    ("bigint", pl.Int64(), 1, 2**32),
    ("bigint", pl.Int64(), -1, 2**32 - 1),
    ("integer", pl.Int32(), 0, None),
    ("smallint", pl.Int16(), 0, 1),
    ("boolean", pl.Boolean(), False, None),
    ("text", pl.String(), "", None),
    ("text", pl.String(), "a", "a "),
    ("text", pl.String(), "\u00e9", "e\u0301"),
    ("varchar(30)", pl.String(), "x" * 12, "x" * 13),
    ("bytea", pl.Binary(), b"", b"\0"),
    ("date", pl.Date(), dt.date(2026, 1, 1), dt.date(2026, 1, 2)),
    ("timestamptz", pl.Datetime("us", "UTC"), DAY, DAY + dt.timedelta(microseconds=1)),
    (
        "timestamptz",
        pl.Datetime("us", "UTC"),
        DAY,
        DAY + dt.timedelta(microseconds=2**32),
    ),
    ("numeric(10,2)", pl.Decimal(10, 2), Decimal("1.50"), Decimal("1.51")),
    ("numeric", pl.String(), "1.5", "1.51"),
    ("uuid", pl.String(), "0" * 32, "0" * 31 + "1"),
    ("mood", pl.String(), "sad", "glad"),
    ("char(5)", pl.String(), "ab", "abc"),
    ("short", pl.String(), "ab", "abc"),
]


@pytest.mark.parametrize(("pg_type", "dtype", "one", "other"), ALIKE)
@pytest.mark.parametrize("swapped", [False, True])
def test_changed_value_is_written(
    database, were_compared, pg_type, dtype, one, other, swapped
):
    run_sql(
        database,
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        "CREATE DOMAIN short AS varchar(5)",
        f"CREATE TABLE homes (k bigint PRIMARY KEY, v {pg_type})",
    )
    if swapped:
        one, other = other, one
    before = pl.DataFrame({"k": range(40), "v": pl.Series([one] * 40, dtype=dtype)})
    load(database, before)
    changed = pl.Series([other] + [one] * 39, dtype=dtype)
    counts = load(database, before.with_columns(v=changed))
    assert were_compared()
    assert counts == propload.Counts(read=40, updated=1, unchanged=39)
    assert query(
        database,
        "SELECT k FROM homes WHERE xmin = "
        "(SELECT max(xmin::text::bigint)::text::xid FROM homes)",
    ) == [(0,)]


def test_partitions_are_read_as_one_table(database, were_compared):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, price bigint, street text, "
        "seen timestamptz) PARTITION BY HASH (k)",
        *(
            f"CREATE TABLE homes_{n} PARTITION OF homes "
            f"FOR VALUES WITH (MODULUS 3, REMAINDER {n})"
            for n in range(3)
        ),
    )
    frame = homes()
    load(database, frame)
    changed = frame.with_columns(price=pl.when(k=7).then(1).otherwise("price"))
    counts = load(database, changed, batch_rows=500)
    assert were_compared()
    assert counts == propload.Counts(read=3_000, updated=1, unchanged=2_999)


versions = st.lists(
    st.fixed_dictionaries(
        {
            "k": st.integers(0, 30),
            "seen": st.sampled_from([DAY, DAY + dt.timedelta(days=1)]),
            "price": st.none() | st.integers(0, 1),
            "title": st.none() | st.sampled_from(["", "x"]),
        }
    ),
    min_size=1,
    max_size=80,
)
SCHEMA = {
    "k": pl.Int64,
    "seen": pl.Datetime("us", "UTC"),
    "price": pl.Float64,
    "title": pl.String,
}
option_sets = st.fixed_dictionaries(
    {
        "batch_rows": st.integers(1, 40),
        "workers": st.integers(1, 4),
        "newest": st.sampled_from([None, "seen"]),
        "on_null": st.sampled_from(["overwrite", "keep"]),
    }
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=versions, more=versions, repeats=st.integers(1, 3), options=option_sets)
def test_table_and_counts_equal_those_of_a_load_that_sends_all_rows(
    database, rows, more, repeats, options
):
    held = pl.DataFrame(rows, schema=SCHEMA)
    # mostly rows that are stored, and a few others in between
    pieces = [held, pl.DataFrame(more, schema=SCHEMA)[:5]] * repeats + [held]
    coming = pl.concat(pieces)
    outcomes = []
    for find in (StoredRows.for_shape, lambda _shape, _expected: None):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(StoredRows, "for_shape", find)
            run_sql(database, "DROP TABLE IF EXISTS homes")
            load(database, held, newest=options["newest"], on_null=options["on_null"])
            counts = load(database, coming, **options)
        outcomes.append((asdict(counts), read_table(database, "homes").sort("k")))
    (compared_counts, compared_table), (sent_counts, sent_table) = outcomes
    assert compared_counts == sent_counts
    assert compared_table.equals(sent_table)
