"""Which values of a key or another column count as equal, for any type."""

from __future__ import annotations

import polars as pl
import pytest

from tests.integration.postgres.keyed_rows import frame
from tests.integration.postgres.writing import (
    counts,
    target_with,
    write,
)
from tests.integration.reading import query, run_sql


def test_types_without_equality_are_compared_as_text(database, state_dir):
    run_sql(
        database, "CREATE TABLE t (k bigint PRIMARY KEY, v json, p point, x point[])"
    )
    rows = frame([1, 2], '{"a": 1}', p=["(1,2)", None], x=['{"(1,2)"}', None])
    changed = rows.with_columns(p=pl.Series(["(1,3)", None]))
    written = write(database, target_with(), state_dir, rows, rows, changed)
    assert counts(written) == [(2, 0, 0, 0), (0, 0, 2, 0), (0, 1, 1, 0)]


def test_equal_values_written_differently_are_no_change(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v numeric(8,2), f float8, j jsonb, "
        "c char(5))",
    )
    first = frame([1], "1.50", f=[float("nan")], j=['{"a":1,"b":2}'], c=["ab"])
    again = frame([1], "1.5", f=[float("nan")], j=['{"b": 2, "a": 1}'], c=["ab  "])
    assert counts(write(database, target_with(), state_dir, first, again)) == [
        (1, 0, 0, 0),
        (0, 0, 1, 0),
    ]


def test_equal_lists_of_any_type_are_no_change(database, state_dir):
    run_sql(database, "CREATE DOMAIN price AS numeric(12,2)")
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text, b bit(3)[], n name[], "
        "p price[])",
    )
    first = frame([1], b=[["101"]], n=[["a"]], p=[["1.5"]])
    again = frame([1], b=[["101"]], n=[["a"]], p=[["1.50"]])
    other = frame([1], b=[["111"]], n=[["a"]], p=[["1.50"]])
    assert counts(write(database, target_with(), state_dir, first, again, other)) == [
        (1, 0, 0, 0),
        (0, 0, 1, 0),
        (0, 1, 0, 0),
    ]


@pytest.mark.parametrize("pg_type", ["uuid", "citext", "numeric"])
def test_keys_equal_to_the_server_find_their_row(database, state_dir, needs, pg_type):
    if pg_type == "citext":
        needs.extensions("citext")
        run_sql(database, "CREATE EXTENSION citext")
    run_sql(database, f"CREATE TABLE t (k {pg_type} PRIMARY KEY, v text)")
    keys = {
        "uuid": [
            "0b5c2ab4-9f3d-4c3e-8a86-6b4a2a0f8f11",
            "0B5C2AB49F3D4C3E8A866B4A2A0F8F11",
        ],
        "citext": ["ab", "AB"],
        "numeric": ["1.0", "1.00"],
    }[pg_type]
    written = write(
        database,
        target_with(),
        state_dir,
        frame(keys[:1]),
        frame(keys[1:], "b"),
        frame(keys, ["c", "d"]),
    )
    assert counts(written)[:2] == [(1, 0, 0, 0), (0, 1, 0, 0)]
    # both rows of the last piece have the same key to the server: the last one wins
    assert counts(written)[2] == (0, 2, 0, 0)
    assert query(database, "SELECT v FROM t") == [("d",)]
