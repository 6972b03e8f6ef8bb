"""A bad value has one reason, whichever of several ways finds it."""

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

KINDS = (
    "CREATE TYPE pair AS (a integer, b integer)",
    "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
)
#: Values that types refuse by one code or another, with and without a detail.
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
def reasons(database):
    kinds = dict.fromkeys(kind for kind, _ in BAD)
    columns = ", ".join(f'"{kind}" {kind}' for kind in kinds)
    run_sql(database, *KINDS, f"CREATE TABLE homes (k int PRIMARY KEY, {columns})")

    def load(rows):
        """Return what rows are rejected for: columns, checks and messages."""
        told = {"to": database, "table": "homes", "key": "k", "progress": False}
        told_of = propload.ingest(rows, **told).reasons
        return set(told_of.select("column", "check", "example").rows())

    return load


def test_the_reason_of_a_value_does_not_depend_on_the_rows_beside_it(reasons):
    rows = [
        dict.fromkeys(kind for kind, _ in BAD) | {"k": number, kind: value}
        for number, (kind, value) in enumerate(BAD)
    ]
    for row in rows:
        alone = reasons([row])
        assert len(alone) == 1
        # the one row of many, and many of many
        good = [{"k": number} for number in range(1_000, 1_100)]
        again = [row | {"k": number} for number in range(200)]
        assert reasons([*good, row]) == alone
        assert reasons([*again, *good]) == alone
