"""Tables that refer to a partitioned table: one partition of it has the row."""

import pytest

import propload
from tests.integration.reading import query, run_sql
from tests.integration.users import new_user

pytestmark = pytest.mark.timeout(120)

CITIES = (
    "CREATE TABLE cities (id int PRIMARY KEY) PARTITION BY RANGE (id)",
    "CREATE TABLE cities_1 PARTITION OF cities FOR VALUES FROM (0) TO (10)",
    "CREATE TABLE cities_2 PARTITION OF cities FOR VALUES FROM (10) TO (20)",
    "INSERT INTO cities SELECT generate_series(0, 19)",
)
COLUMNS = "(id int PRIMARY KEY, city int REFERENCES {})"
HOMES = {
    "one table": (f"CREATE TABLE homes {COLUMNS}",),
    "partitions": (
        f"CREATE TABLE homes {COLUMNS} PARTITION BY RANGE (id)",
        "CREATE TABLE homes_1 PARTITION OF homes FOR VALUES FROM (0) TO (200)",
        "CREATE TABLE homes_2 PARTITION OF homes FOR VALUES FROM (200) TO (400)",
    ),
    "a partition": (
        f"CREATE TABLE all_homes {COLUMNS} PARTITION BY RANGE (id)",
        "CREATE TABLE homes PARTITION OF all_homes FOR VALUES FROM (0) TO (400)",
    ),
}
#: Cities 20 to 24 are in no partition.
ROWS = [{"id": id_, "city": id_ % 25} for id_ in range(400)]
GOOD = [tuple(row.values()) for row in ROWS if row["city"] < 20]


@pytest.fixture(params=HOMES)
def homes(request, database):
    """A table that refers to another. Value: what each load into it is told."""
    run_sql(database, *CITIES)
    run_sql(database, *(each.format("cities") for each in HOMES[request.param]))
    return {"to": database, "table": "homes", "key": "id", "progress": False}


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_rows_whose_city_is_in_any_partition_are_good(homes, mode):
    said = propload.check(ROWS, mode=mode, **homes)
    assert said.expected.rejected == len(ROWS) - len(GOOD)
    done = propload.ingest(ROWS, mode=mode, **homes)
    assert (done.counts.inserted, done.counts.rejected) == (320, 80)
    assert query(homes["to"], "SELECT id, city FROM homes ORDER BY id") == GOOD


def test_a_replace_of_a_partitioned_table_that_refers_to_itself(database):
    run_sql(
        database,
        *(each.format("homes") for each in HOMES["partitions"]),
    )
    told = {"to": database, "table": "homes", "key": "id", "mode": "replace"}
    rows = [{"id": 1, "city": None}, {"id": 2, "city": 300}, {"id": 300, "city": 1}]
    for _ in range(2):
        done = propload.ingest(rows, progress=False, **told)
        assert (done.counts.inserted, done.counts.rejected) == (3, 0)


@pytest.mark.parametrize("table", ["homes", "homes_1"])
@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_rows_of_a_batch_may_refer_to_one_another(database, table, mode):
    run_sql(database, *(each.format("homes") for each in HOMES["partitions"]))
    run_sql(database, "ALTER TABLE homes ADD CHECK (city IS DISTINCT FROM 7)")
    rows = [{"id": id_, "city": id_ - id_ % 10 or None} for id_ in range(1, 200)]
    bad = [{"id": id_, "city": 7} for id_ in range(190, 200)]
    good = [row for row in rows if row["id"] < 190]
    told = {"to": database, "table": table, "key": "id", "progress": False}
    done = propload.ingest([*reversed(good), *bad], mode=mode, workers=3, **told)
    assert (done.counts.inserted, done.counts.rejected) == (189, 10)


def test_a_replace_needs_no_right_on_the_partitions_that_it_refers_to(homes):
    del homes["key"]
    grants = (
        "GRANT SELECT, INSERT, TRUNCATE ON homes TO replacer",
        "GRANT REFERENCES ON cities TO replacer",
        "GRANT CREATE ON DATABASE {} TO replacer",
    )
    name = query(homes["to"], "SELECT quote_ident(current_database())")[0][0]
    with new_user(homes["to"], "replacer", *(g.format(name) for g in grants)) as dsn:
        done = propload.ingest(ROWS, mode="replace", **{**homes, "to": dsn})
        assert done.counts.inserted == 320
