"""What `check` says of rows that have no partition is what their load then does."""

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

OF_2024 = "FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"
UNIQUE, PLAIN = (
    f"CREATE TABLE homes (id bigint, d date, v text{key}) PARTITION BY"
    for key in (", PRIMARY KEY (id, d)", "")
)
YEARS = [
    f"{UNIQUE} RANGE (d)",
    f"CREATE TABLE homes_24 PARTITION OF homes {OF_2024}",
]
TOWNS = [
    f"{PLAIN} LIST (v)",
    "CREATE TABLE homes_ede PARTITION OF homes FOR VALUES IN ('Ede', NULL)",
]
OF_EDE = "FOR VALUES IN ('Ede', 'Ee') PARTITION BY RANGE (d)"
BELOW = [
    f"{PLAIN} LIST (v)",
    f"CREATE TABLE homes_ede PARTITION OF homes {OF_EDE}",
    f"CREATE TABLE homes_ede_24 PARTITION OF homes_ede {OF_2024}",
]
HASHED = [
    f"{UNIQUE} HASH (id)",
    "CREATE TABLE homes_0 PARTITION OF homes FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    "CREATE TABLE homes_1 PARTITION OF homes FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
]
REST = [*YEARS, "CREATE TABLE homes_rest PARTITION OF homes DEFAULT"]
PLACES = {
    "years": (YEARS, {"key": "id,d"}, 2),
    "towns": (TOWNS, {"mode": "append"}, 3),
    "towns, then years": (BELOW, {"mode": "append"}, 4),
    "hashed": (HASHED, {"key": "id,d"}, 0),
    "the rest has one": (REST, {"key": "id,d"}, 0),
}
ROWS = [
    {"id": 1, "d": "2024-02-01", "v": "Ede"},
    {"id": 2, "d": "2024-12-31", "v": None},
    {"id": 3, "d": "2025-01-01", "v": "Epe"},
    {"id": 4, "d": "2023-01-01", "v": "Ee"},
    {"id": 5, "d": "2024-01-01", "v": "Epe"},
]


def look(database, rows, **told):
    told = {"to": database, "table": "homes", **told}
    return propload.check(rows, **told), propload.ingest(rows, **told)


@pytest.mark.parametrize(("made", "told", "bad"), PLACES.values(), ids=PLACES)
def test_rows_without_a_partition_are_told(database, made, told, bad):
    run_sql(database, *made)
    said, done = look(database, ROWS, **told)
    assert said.rejected == bad
    assert said.expected == done.counts
    assert {(one.column, one.check) for one in said.reasons} == set(
        done.reasons.select("column", "check").rows()
    )


def test_a_replace_tells_them_too(database):
    run_sql(database, *YEARS)
    said, done = look(database, ROWS, key="id,d", mode="replace")
    assert said.rejected == 2
    assert said.expected == done.counts


def test_a_partition_by_an_expression_is_left_to_the_load(database):
    run_sql(
        database,
        f"{PLAIN} LIST (lower(v))",
        "CREATE TABLE homes_ede PARTITION OF homes FOR VALUES IN ('ede')",
    )
    said, done = look(database, ROWS, mode="append")
    assert (said.rejected, said.problems) == (0, ())
    assert done.counts.inserted == 1


def test_rows_of_one_partition_itself_are_left_to_the_load(database):
    run_sql(database, *YEARS)
    said, done = look(database, ROWS, table="homes_24", key="id,d")
    assert (said.rejected, said.problems) == (0, ())
    assert done.counts.rejected == 2
