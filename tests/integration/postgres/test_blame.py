"""A refusal names the column of the bad value, whatever the other columns' types."""

from __future__ import annotations

import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

GOOD = {"a": "x", "needed": "ok", "v": None}
BAD_ROWS = (3, 7, 11)
#: Kind of fault: the type of the column v, a good value and a bad one.
FAULTS = {
    "a domain's check": ("small", "1", "100"),
    "a length": ("bit(3)", "101", "1010"),
    "what only the server reads": ("inet", "192.0.2.1", "nowhere"),
    "a domain that takes no null": ("other", "1", None),
    "a domain's domain": ("within", "1", "x"),
}
DOMAINS = (
    "CREATE DOMAIN need AS text NOT NULL",
    "CREATE DOMAIN asked AS text CHECK (VALUE IS NOT NULL)",
    "CREATE DOMAIN small AS int CHECK (VALUE < 10)",
    "CREATE DOMAIN other AS int NOT NULL",
    "CREATE DOMAIN below AS text CHECK (VALUE <> 'x')",
    "CREATE DOMAIN within AS below NOT NULL",
)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("mode", ["append", "upsert"])
@pytest.mark.parametrize("needed", ["need", "asked"])
def test_bad_value_beside_a_not_null_domain_names_its_own_column(
    database, fault, mode, needed
):
    pg_type, good, bad = FAULTS[fault]
    columns = f"id int PRIMARY KEY, a text, needed {needed}, v {pg_type}"
    run_sql(database, *DOMAINS, f"CREATE TABLE t ({columns})")
    rows = [{"id": n, **GOOD, "v": bad if n in BAD_ROWS else good} for n in range(40)]
    report = propload.ingest(rows, to=database, table="t", key="id", mode=mode)
    blamed = {(one.column, one.rows) for one in report.reasons_counted}
    assert blamed == {("v", len(BAD_ROWS))}
    assert query(database, "SELECT count(*) FROM t") == [(40 - len(BAD_ROWS),)]


def test_of_two_bad_values_of_a_row_the_one_is_told_that_the_message_is_about(database):
    run_sql(database, "CREATE TABLE t (id int PRIMARY KEY, a inet, b cidr)")
    rows = [{"id": n, "a": "10.0.0.1", "b": "10.0.0.0/8"} for n in range(40)]
    # of many bad rows the column of the last one is tried first
    for row in range(0, 40, 2):
        rows[row]["b"] = f"nowhere {row}"
    rows[11] |= {"a": "not here", "b": "nor there"}
    report = propload.ingest(rows, to=database, table="t", key="id")
    assert report.counts.rejected == 21
    reasons = [one for row in report.rejects["propload_reason_list"] for one in row]
    assert len(reasons) >= 21
    for reason in reasons:
        assert f'"{reason["value"]}"' in reason["message"]


def test_each_null_in_a_not_null_domain_names_its_own_column(database):
    run_sql(database, *DOMAINS, "CREATE TABLE t (id int, a need, b asked, c other)")
    rows = [{"id": n, "a": "x", "b": "x", "c": 1} for n in range(40)]
    for row, column in zip(BAD_ROWS, "cab", strict=True):
        rows[row][column] = None
    report = propload.ingest(rows, to=database, table="t", mode="append")
    blamed = {one.column for one in report.reasons_counted}
    assert (blamed, report.counts.rejected) == ({"a", "b", "c"}, len(BAD_ROWS))


def test_domain_whose_check_always_fails_ends_the_run(database):
    run_sql(
        database,
        "CREATE FUNCTION broken(text) RETURNS boolean LANGUAGE plpgsql AS "
        "'BEGIN PERFORM 1 FROM not_there; RETURN true; END'",
        "CREATE DOMAIN hopeless AS text CHECK (broken(VALUE))",
        *DOMAINS,
        "CREATE TABLE t (id int, a need, v hopeless)",
    )
    rows = [{"id": n, "a": "x", "v": "y"} for n in range(40)]
    with pytest.raises(propload.WriteError, match="not_there"):
        propload.ingest(rows, to=database, table="t", mode="append")
