"""A bad value is rejected for the same reason, however it is found."""

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

TYPES = (
    "CREATE TYPE pair AS (a integer, b integer)",
    "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
)
#: Values that their types refuse with various codes, with and without a detail.
BAD = (
    ("numeric", "1e200000"),
    ("numeric(5,2)", "99999"),
    ("interval", "999999999999 years"),
    ("timetz", "25:00:00+00"),
    ("int4range", "[5,1)"),
    ("int4range", "x"),
    ("bit(3)", "1111"),
    ("integer[]", "{1"),
    ("timestamp[]", "{2026-02-31}"),
    ("cidr", "10.0.0.1/8"),
    ("money", "1e30"),
    ("tsquery", "a &"),
    ("jsonb", '{"a": "\\u0000"}'),
    ("pair", "(1"),
    ("pair", "(1,99999999999)"),
    ("positive[]", "{-5}"),
)


@pytest.fixture
def reasons_of(database):
    pg_types = dict.fromkeys(pg_type for pg_type, _ in BAD)
    columns = ", ".join(f'"{pg_type}" {pg_type}' for pg_type in pg_types)
    run_sql(database, *TYPES, f"CREATE TABLE homes (k int PRIMARY KEY, {columns})")

    def load(rows):
        """Load rows, and return the columns, checks and messages of their rejection."""
        settings = {"to": database, "table": "homes", "key": "k", "progress": False}
        reasons = propload.ingest(rows, **settings).reasons
        return set(reasons.select("column", "check", "example").rows())

    return load


def test_reason_does_not_depend_on_the_other_rows_of_the_load(reasons_of):
    rows = [
        dict.fromkeys(pg_type for pg_type, _ in BAD) | {"k": number, pg_type: value}
        for number, (pg_type, value) in enumerate(BAD)
    ]
    for row in rows:
        alone = reasons_of([row])
        assert len(alone) == 1
        # one bad row among good ones, and many bad ones among good ones
        good = [{"k": number} for number in range(1_000, 1_100)]
        repeated = [row | {"k": number} for number in range(200)]
        assert reasons_of([*good, row]) == alone
        assert reasons_of([*repeated, *good]) == alone
