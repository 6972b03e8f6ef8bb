"""The outcome of a row does not depend on the rows that are loaded with it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from tests.integration.postgres.writing import counts, target_with, write
from tests.integration.reading import await_stages, query, run_sql

pytestmark = pytest.mark.timeout(120)

PROPERTY = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SCHEMA = {
    "k": pl.Int64,
    "u": pl.String,
    "n": pl.Int64,
    "at": pl.Int64,
    "m": pl.String,
    "w": pl.String,
}
#: Columns that only the server can cast come before and after the age of a row (`at`).
SETUP = (
    "DROP TABLE IF EXISTS t",
    "DROP TYPE IF EXISTS mood",
    "CREATE TYPE mood AS ENUM ('glad', 'sad')",
    (
        "CREATE TABLE t (k bigint PRIMARY KEY, u uuid, n bigint CHECK (n > 0), "
        "at bigint, m mood, w varchar(3))"
    ),
    "INSERT INTO t SELECT n, NULL, 1, 2, 'sad', 'old' FROM generate_series(1, 6) AS n",
)
GOOD = "0b5c2ab4-9f3d-4c3e-8a86-6b4a2a0f8f11"
rows = st.lists(
    st.fixed_dictionaries(
        {
            "k": st.integers(1, 12),
            "u": st.sampled_from([None, GOOD, "no"]),
            "n": st.sampled_from([1, 1, -1]),
            "at": st.none() | st.integers(1, 3),
            "m": st.sampled_from([None, "sad", "glad", "bad"]),
            "w": st.sampled_from(["old", "new", "long"]),
        }
    ),
    min_size=2,
    max_size=12,
    unique_by=lambda row: row["k"],
)
rules = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["upsert", "insert-new"]),
        "newest": st.sampled_from([None, "at"]),
        "on_null": st.sampled_from(["overwrite", "keep"]),
    }
)


def outcome(dsn, state_dir, rules, frames):
    """Return the sums of counts, the keys of rejected rows, and the table."""
    await_stages(dsn)
    run_sql(dsn, *SETUP)
    done = write(dsn, target_with(**rules), state_dir, *frames, exact=False)
    rejected = [
        frame["k"][row]
        for frame, one in zip(frames, done, strict=True)
        for row in one.reasons.sort(ROW)[ROW].unique()
    ]
    sums = tuple(map(sum, zip(*counts(done), strict=True)))
    return sums, sorted(rejected), query(dsn, "SELECT t::text FROM t ORDER BY k")


def row(k, **values):
    return {"k": k, "u": None, "n": 1, "at": 1, "m": "sad", "w": "old"} | values


def rules_of(mode, newest=None, on_null="overwrite"):
    return {"mode": mode, "newest": newest, "on_null": on_null}


#: Faults for which the server screens all rows of a batch, then tries them run by run.
TROUBLE = [row(8, n=-1), row(9, u="no"), row(10, w="long")]


@given(rows=rows, rules=rules, size=st.integers(2, 5))
@example(rows=[row(1, m="bad"), *TROUBLE], rules=rules_of("insert-new"), size=2)
@example(rows=[row(1, u="no"), *TROUBLE], rules=rules_of("upsert", "at"), size=2)
@example(rows=[row(1, m="bad"), *TROUBLE], rules=rules_of("upsert", "at"), size=2)
@example(
    rows=[row(1, m="bad"), *TROUBLE], rules=rules_of("upsert", "at", "keep"), size=2
)
# an older row fills a gap of the stored one, and its own values would be refused
@example(
    rows=[row(1, u=GOOD, n=-1), row(2, u=GOOD, w="long"), *TROUBLE],
    rules=rules_of("upsert", "at", "keep"),
    size=2,
)
@PROPERTY
def test_counts_do_not_depend_on_how_rows_are_split(
    module_database, state_dir, rows, rules, size
):
    frame = pl.DataFrame(rows, schema=SCHEMA)
    together, one_by_one, parts = (
        outcome(module_database, state_dir, rules, list(frame.iter_slices(n)))
        for n in (frame.height, 1, size)
    )
    assert one_by_one == together == parts


@pytest.mark.parametrize(
    "repeated", [[], [{"k": 1, "n": 1, "at": 1}]], ids=["-", "met"]
)
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (rules_of("insert-new"), (1, 0, 1, 0)),
        (rules_of("upsert", "at"), (1, 0, 0, 1)),
        (rules_of("insert-new", None, "keep"), (1, 0, 1, 0)),
    ],
    ids=str,
)
def test_skipped_bad_row_counts_the_same_on_and_off_the_fast_path(
    database, state_dir, rules, expected, repeated
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, n bigint CHECK (n > 0), at bigint)",
    )
    first = pl.DataFrame([{"k": 0, "n": 1, "at": 2}, {"k": 1, "n": 1, "at": 1}])
    # once a key repeats, rows are no longer copied straight into the table
    before = [pl.DataFrame(repeated)] if repeated else []
    last = pl.DataFrame([{"k": 0, "n": -1, "at": 1}, {"k": 2, "n": 1, "at": 1}])
    done = write(database, target_with(**rules), state_dir, first, *before, last)
    assert counts(done)[-1] == expected
