"""`check` predicts what a load does with rows that have no partition."""

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

IN_2024 = "FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"
UNIQUE, PLAIN = (
    f"CREATE TABLE homes (id bigint, d date, v text{key}) PARTITION BY"
    for key in (", PRIMARY KEY (id, d)", "")
)
YEARS = [
    f"{UNIQUE} RANGE (d)",
    f"CREATE TABLE homes_24 PARTITION OF homes {IN_2024}",
]
TOWNS = [
    f"{PLAIN} LIST (v)",
    "CREATE TABLE homes_ede PARTITION OF homes FOR VALUES IN ('Ede', NULL)",
]
EDE_BY_YEAR = "FOR VALUES IN ('Ede', 'Ee') PARTITION BY RANGE (d)"
NESTED = [
    f"{PLAIN} LIST (v)",
    f"CREATE TABLE homes_ede PARTITION OF homes {EDE_BY_YEAR}",
    f"CREATE TABLE homes_ede_24 PARTITION OF homes_ede {IN_2024}",
]
HASHED = [
    f"{UNIQUE} HASH (id)",
    "CREATE TABLE homes_0 PARTITION OF homes FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    "CREATE TABLE homes_1 PARTITION OF homes FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
]
WITH_DEFAULT = [*YEARS, "CREATE TABLE homes_rest PARTITION OF homes DEFAULT"]
LAYOUTS = {
    "years": (YEARS, {"key": "id,d"}, 2),
    "towns": (TOWNS, {"mode": "append"}, 3),
    "towns, then years": (NESTED, {"mode": "append"}, 4),
    "hashed": (HASHED, {"key": "id,d"}, 0),
    "the rest has one": (WITH_DEFAULT, {"key": "id,d"}, 0),
}
ROWS = [
    {"id": 1, "d": "2024-02-01", "v": "Ede"},
    {"id": 2, "d": "2024-12-31", "v": None},
    {"id": 3, "d": "2025-01-01", "v": "Epe"},
    {"id": 4, "d": "2023-01-01", "v": "Ee"},
    {"id": 5, "d": "2024-01-01", "v": "Epe"},
]


def check_and_load(database, rows, **settings):
    settings = {"to": database, "table": "homes", **settings}
    return propload.check(rows, **settings), propload.ingest(rows, **settings)


@pytest.mark.parametrize(
    ("statements", "settings", "rejected"), LAYOUTS.values(), ids=LAYOUTS
)
def test_check_rejects_rows_without_a_partition_as_the_load_does(
    database, statements, settings, rejected
):
    run_sql(database, *statements)
    checked, loaded = check_and_load(database, ROWS, **settings)
    assert checked.rejected == rejected
    assert checked.expected == loaded.counts
    assert {(one.column, one.check) for one in checked.reasons} == set(
        loaded.reasons.select("column", "check").rows()
    )


def test_check_of_a_replace_rejects_rows_without_a_partition(database):
    run_sql(database, *YEARS)
    checked, loaded = check_and_load(database, ROWS, key="id,d", mode="replace")
    assert checked.rejected == 2
    assert checked.expected == loaded.counts


def test_check_does_not_judge_partitions_by_an_expression(database):
    run_sql(
        database,
        f"{PLAIN} LIST (lower(v))",
        "CREATE TABLE homes_ede PARTITION OF homes FOR VALUES IN ('ede')",
    )
    checked, loaded = check_and_load(database, ROWS, mode="append")
    assert (checked.rejected, checked.problems) == (0, ())
    assert loaded.counts.inserted == 1


def test_check_does_not_judge_rows_loaded_into_a_single_partition(database):
    run_sql(database, *YEARS)
    checked, loaded = check_and_load(database, ROWS, table="homes_24", key="id,d")
    assert (checked.rejected, checked.problems) == (0, ())
    assert loaded.counts.rejected == 2
