"""A key that nobody has, or that is not unique, is a mistake of the caller."""

import re

import pytest

import propload
from propload.errors import ConfigError, LoadError
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

COLUMNS = (
    "SELECT attname::text FROM pg_attribute "
    "WHERE attrelid = 'homes'::regclass AND attnum > 0 ORDER BY attnum"
)


def test_pushed_rows_add_no_column_for_a_misspelt_key(database):
    told = {"to": database, "table": "homes", "on_new_columns": "add"}
    propload.ingest([{"id": 1, "v": 2}], key="id", **told)
    with (
        pytest.raises(ConfigError, match=r"column idd is needed .* of the rows: id, v"),
        propload.Loader(key="idd", **told) as loader,
    ):
        loader.put({"id": 2, "v": 3})
    assert query(database, COLUMNS) == [("id",), ("v",)]


def test_rows_that_wait_behind_a_misspelt_key_are_told_and_loaded_by_another(
    database,
):
    told = {"to": database, "table": "homes"}
    rows = [{"id": n, "v": 1} for n in range(3)]
    with pytest.raises(ConfigError) as caught:
        propload.ingest(iter(rows), key="idd", **told)
    (left,) = propload.leftovers()
    assert "column idd is needed" in str(caught.value)
    assert "3 rows wait in the journal" in str(caught.value)
    assert f"propload recover {left.run_id} --key" in str(caught.value)
    # what came first goes first: the next run says the same
    corrected = rf"'id'\? Recover it .* \(propload recover {left.run_id} --key"
    with pytest.raises(LoadError, match=corrected):
        propload.ingest(iter(rows), key="id", **told)
    (report,) = propload.recover(left.run_id, key="id", to=database)
    assert report.counts.inserted == 3
    assert propload.ingest(iter(rows), key="id", **told).counts.unchanged == 3


FREE = "CREATE TABLE homes (id int, town text, v text)"
STORED = {
    "(1, 'Ede', 'a'), (1, 'Ede', 'b')": (
        ("id",),
        "; keys repeat, such as id=1: leave one row of each key, then add one with",
    ),
    "(1, 'Ede', 'a'), (1, 'Ede', 'b'), (NULL, 'Epe', 'c')": (
        ("town", "id"),
        (
            "; keys repeat, such as town=Ede, id=1 and town or id is null in some rows,"
            " which ADD PRIMARY KEY would refuse: leave one row of each key, then add"
        ),
    ),
    "(1, 'Ede', 'a'), (NULL, 'Ede', 'b'), (NULL, 'Epe', 'c')": (
        ("id",),
        "; id is null in some rows, which ADD PRIMARY KEY would refuse: add one with",
    ),
    "(1, 'Ede', 'a'), (2, NULL, 'b')": (("id",), ": add one with"),
}


@pytest.mark.one_server
@pytest.mark.parametrize("stored", STORED)
def test_the_advice_for_a_key_that_is_not_unique_heeds_the_stored_rows(
    database, stored
):
    key, told = STORED[stored]
    run_sql(database, FREE, f"INSERT INTO homes VALUES {stored}")
    given = {"to": database, "table": "homes", "key": key}
    rows = [{"id": 1, "town": "Ede", "v": "c"}, {"id": 5, "town": "Ede", "v": "d"}]
    with pytest.raises(LoadError) as caught:
        propload.ingest(rows, **given)
    assert f"rows cannot be found by that key{told}" in str(caught.value)
    said = propload.check(rows, **given)
    assert [problem in str(caught.value) for problem in said.problems] == [True]
    # which row a key would find is told by nobody
    assert said.expected is None
    assert "as the table is now" not in str(said)
    # what is advised can be done
    statement = re.search(r"ALTER TABLE .* ADD UNIQUE \(.*?\)", str(caught.value))[0]
    run_sql(
        database,
        "DELETE FROM homes AS h USING homes AS o "
        "WHERE h.ctid > o.ctid AND (h.id, h.town) = (o.id, o.town)",
        statement,
    )
    assert (
        propload.check(rows, **given).expected == propload.ingest(rows, **given).counts
    )


@pytest.mark.one_server
@pytest.mark.parametrize(
    "constraint",
    [
        "ALTER TABLE homes ADD CONSTRAINT mine UNIQUE (town) DEFERRABLE",
        "CREATE UNIQUE INDEX mine ON homes (town) WHERE v IS NULL",
        "CREATE UNIQUE INDEX mine ON homes (lower(town))",
    ],
)
def test_what_keeps_the_key_unique_only_nearly_is_named(database, constraint):
    run_sql(database, FREE, "ALTER TABLE homes ADD PRIMARY KEY (id)", constraint)
    rows = [{"id": 1, "town": "Ede", "v": "c"}]
    told = {"to": database, "table": "homes"}
    (problem,) = propload.check(rows, key="town", **told).problems
    assert (
        "cannot be found by that key (mine does not qualify: it is deferrable,"
        in problem
    )
    (other,) = propload.check(rows, key="v", **told).problems
    assert "cannot be found by that key: add one" in other
