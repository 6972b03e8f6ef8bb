"""Names in statements mean the same whatever the user's search_path says."""

from __future__ import annotations

import pytest

import propload
from propload.postgres.session.dsn import with_option
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(120)

#: Objects of others that have the names of a session's temporary ones.
NAMESAKES = (
    "CREATE TABLE propload_stage (propload_ordinal int, id int, price int)",
    "INSERT INTO propload_stage VALUES (1, 666, 666)",
    "CREATE TABLE propload_probe (id int, price int)",
    "CREATE TABLE propload_trial (id int, price int)",
    "CREATE SEQUENCE propload_stales",
    "CREATE SEQUENCE propload_updates",
)
COLUMNS = "(id int PRIMARY KEY, price int CHECK (price > 0))"
TABLES = {
    "one table": (f"CREATE TABLE homes {COLUMNS}",),
    "partitions": (
        f"CREATE TABLE homes {COLUMNS} PARTITION BY RANGE (id)",
        "CREATE TABLE homes_1 PARTITION OF homes FOR VALUES FROM (0) TO (1000)",
    ),
}


def rows(price):
    bad = [{"id": id_, "price": -id_} for id_ in range(900, 910)]
    return [*({"id": id_, "price": price} for id_ in range(300)), *bad]


@pytest.mark.parametrize("made", TABLES)
def test_a_session_uses_its_own_temporary_objects(database, made):
    run_sql(database, *TABLES[made], *NAMESAKES)
    last = with_option(database, "-c search_path=public,pg_temp")
    told = {"to": last, "table": "homes", "key": "id", "newest": "price"}
    counts = [
        propload.ingest(rows(price), progress=False, **told).counts
        for price in (5, 7, 6)
    ]
    assert [each.rejected for each in counts] == [10, 10, 10]
    assert (counts[0].inserted, counts[1].updated, counts[2].stale) == (300, 300, 300)
    assert query(database, "SELECT count(*), max(price) FROM homes") == [(300, 7)]
    assert query(database, "SELECT id FROM propload_stage") == [(666,)]
    used = "SELECT is_called FROM {}"
    for counter in ("propload_stales", "propload_updates"):
        assert query(database, used.format(counter)) == [(False,)]
