"""A key that no column has, or that is not unique, is a mistake of the caller."""

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


def test_misspelt_key_of_pushed_rows_adds_no_column(database):
    settings = {"to": database, "table": "homes", "on_new_columns": "add"}
    propload.ingest([{"id": 1, "v": 2}], key="id", **settings)
    with (
        pytest.raises(ConfigError, match=r"column idd is needed .* of the rows: id, v"),
        propload.Loader(key="idd", **settings) as loader,
    ):
        loader.put({"id": 2, "v": 3})
    assert query(database, COLUMNS) == [("id",), ("v",)]


def test_rows_left_by_a_misspelt_key_are_recovered_with_the_right_one(database):
    settings = {"to": database, "table": "homes"}
    rows = [{"id": n, "v": 1} for n in range(3)]
    with pytest.raises(ConfigError) as caught:
        propload.ingest(iter(rows), key="idd", **settings)
    (left,) = propload.leftovers()
    assert "column idd is needed" in str(caught.value)
    assert "3 rows wait in the journal" in str(caught.value)
    assert f"propload recover {left.run_id} --key" in str(caught.value)
    # earlier rows are loaded first, so the next run fails for the same reason
    corrected = rf"'id'\? Recover it .* \(propload recover {left.run_id} --key"
    with pytest.raises(LoadError, match=corrected):
        propload.ingest(iter(rows), key="id", **settings)
    (report,) = propload.recover(left.run_id, key="id", to=database)
    assert report.counts.inserted == 3
    assert propload.ingest(iter(rows), key="id", **settings).counts.unchanged == 3


FREE = "CREATE TABLE homes (id int, town text, v text)"
STORED_ROWS = {
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
@pytest.mark.parametrize("stored", STORED_ROWS)
def test_advice_on_a_key_that_is_not_unique_fits_the_stored_rows(database, stored):
    key, advice = STORED_ROWS[stored]
    run_sql(database, FREE, f"INSERT INTO homes VALUES {stored}")
    settings = {"to": database, "table": "homes", "key": key}
    rows = [{"id": 1, "town": "Ede", "v": "c"}, {"id": 5, "town": "Ede", "v": "d"}]
    with pytest.raises(LoadError) as caught:
        propload.ingest(rows, **settings)
    assert f"rows cannot be found by that key{advice}" in str(caught.value)
    checked = propload.check(rows, **settings)
    assert [problem in str(caught.value) for problem in checked.problems] == [True]
    # nothing can say which row a key would find
    assert checked.expected is None
    assert "as the table is now" not in str(checked)
    # the advice can be followed
    statement = re.search(r"ALTER TABLE .* ADD UNIQUE \(.*?\)", str(caught.value))[0]
    run_sql(
        database,
        "DELETE FROM homes AS h USING homes AS o "
        "WHERE h.ctid > o.ctid AND (h.id, h.town) = (o.id, o.town)",
        statement,
    )
    assert (
        propload.check(rows, **settings).expected
        == propload.ingest(rows, **settings).counts
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
def test_constraint_that_almost_makes_the_key_unique_is_named(database, constraint):
    run_sql(database, FREE, "ALTER TABLE homes ADD PRIMARY KEY (id)", constraint)
    rows = [{"id": 1, "town": "Ede", "v": "c"}]
    settings = {"to": database, "table": "homes"}
    (problem,) = propload.check(rows, key="town", **settings).problems
    assert (
        "cannot be found by that key (mine does not qualify: it is deferrable,"
        in problem
    )
    (other,) = propload.check(rows, key="v", **settings).problems
    assert "cannot be found by that key: add one" in other
