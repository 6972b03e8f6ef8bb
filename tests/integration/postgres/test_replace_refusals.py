"""Rows that a replace refuses name the constraints of the table, not of its shadow."""

from __future__ import annotations

import polars as pl
import pytest

from tests.integration.postgres.replacing import DESTINATION, NEW, stored
from tests.integration.postgres.writing import (
    counts,
    target_with,
    write,
)
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)


def test_replace_refuses_bad_rows_and_stores_the_others(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE parents (k bigint PRIMARY KEY)",
        "INSERT INTO parents VALUES (2), (3)",
        "CREATE TABLE t (k bigint PRIMARY KEY REFERENCES parents, "
        "v text CHECK (v <> 'x'))",
    )
    [done] = write(database, DESTINATION, state_dir, NEW)
    assert counts([done]) == [(1, 0, 0, 0)]
    assert set(done.reasons["check"]) == {"t_k_fkey", "t_v_check"}
    assert stored(database) == [(3, "y")]


CONSTRAINED = """
CREATE TABLE t (
    k bigint PRIMARY KEY, v text CONSTRAINT no_x CHECK (v <> 'x'),
    w int NOT NULL CONSTRAINT only_w UNIQUE DEFERRABLE, u int UNIQUE, a int, b int
)"""


@pytest.mark.parametrize("key", [("k",), ()], ids=["keyed", "keyless"])
def test_refusals_name_the_constraints_of_the_table_itself(database, state_dir, key):
    run_sql(
        database,
        CONSTRAINED,
        "CREATE INDEX plain_ab ON t (a, b)",
        "CREATE UNIQUE INDEX one_ab ON t (a, b)",
        "CREATE UNIQUE INDEX lower_v ON t (lower(v)) WHERE v <> ''",
    )
    rows = [
        (1, "a", 1, 1, 1, 1),
        (2, "A", 2, 2, 2, 2),
        (3, "b", 1, 3, 3, 3),
        (4, "c", 4, 1, 4, 4),
        (5, "d", 5, 5, 1, 1),
        (6, "x", 6, 6, 6, 6),
        (7, "e", None, 7, 7, 7),
    ]
    frame = pl.DataFrame(rows, schema=[*"kvwuab"], orient="row")
    [done] = write(database, target_with(mode="replace", key=key), state_dir, frame)
    refused = done.reasons.sort("check")
    assert refused["check"].to_list() == [
        *("lower_v", "no_x", "not_null", "one_ab", "only_w", "t_u_key")
    ]
    assert not refused["message"].str.contains("propload").any()
    for check, message in refused.select("check", "message").iter_rows():
        assert f'"{check}"' in message or 'relation "t"' in message
    assert query(database, "SELECT k FROM t") == [(1,)]


@pytest.mark.parametrize("several", [False, True], ids=["direct", "searched"])
def test_row_that_repeats_a_primary_key_names_the_constraint(
    database, state_dir, several
):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text)")
    frame = pl.DataFrame({"k": [1, 1, 2, *([2] if several else [])]})
    [done] = write(database, target_with(mode="replace", key=()), state_dir, frame)
    assert set(done.reasons["check"]) == {"t_pkey"}
    assert all('"t_pkey"' in message for message in done.reasons["message"])
    assert query(database, "SELECT k FROM t ORDER BY k") == [(1,), (2,)]


PARTITIONS = {
    "ranges": ("RANGE (k)", ["FOR VALUES FROM (0) TO (3)"], [2]),
    "a list": ("LIST (v)", ["FOR VALUES IN ('x')", "FOR VALUES IN ('z')"], [2, 4]),
    "hashes": ("HASH (k)", ["FOR VALUES WITH (MODULUS 1, REMAINDER 0)"], [2, 3, 4]),
    "a default": ("RANGE (k)", ["DEFAULT"], [2, 3, 4]),
    "one and the rest": (
        "RANGE (k)",
        ["FOR VALUES FROM (0) TO (3)", "DEFAULT"],
        [2, 3, 4],
    ),
}


@pytest.mark.parametrize("partitioning", PARTITIONS)
def test_row_without_a_partition_is_refused_alone(database, state_dir, partitioning):
    by, parts, stored_keys = PARTITIONS[partitioning]
    run_sql(
        database,
        f"CREATE TABLE t (k bigint NOT NULL, v text) PARTITION BY {by}",
        *(
            f"CREATE TABLE t{number} PARTITION OF t {part}"
            for number, part in enumerate(parts)
        ),
    )
    (done,) = write(database, target_with(key=(), mode="replace"), state_dir, NEW)
    assert [k for k, _ in stored(database)] == stored_keys
    assert done.reasons.height == NEW.height - len(stored_keys)
    checks = set(done.reasons["check"])
    assert checks == ({"partition of t"} if done.reasons.height else set())


def test_row_of_another_partition_is_refused_alone(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE whole (k bigint PRIMARY KEY, v text) PARTITION BY RANGE (k)",
        "CREATE TABLE t PARTITION OF whole FOR VALUES FROM (0) TO (4)",
    )
    (done,) = write(database, DESTINATION, state_dir, NEW)
    assert stored(database) == NEW.head(2).rows()
    assert done.reasons["check"].to_list() == ["partition of t"]
