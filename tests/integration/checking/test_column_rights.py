"""Who may write some columns of a table loads those, and is told of the others."""

import os

import pytest

import propload
from tests.integration.reading import query, run_sql
from tests.integration.users import new_user

pytestmark = pytest.mark.timeout(180)

KEYED = {"table": "homes", "key": "id"}


@pytest.fixture
def user(database):
    """Make a table with a row, and a user. Value: their name, their connection."""
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int, owner text DEFAULT 'me')",
        "INSERT INTO homes VALUES (1, 100, 'them')",
    )
    name = f"clerk_{os.getpid()}"
    with new_user(database, name) as dsn:
        yield name, dsn


def test_rights_to_the_columns_that_are_loaded_suffice(database, user):
    role, login = user
    run_sql(
        database,
        f"GRANT SELECT, INSERT (id, price), UPDATE (price) ON homes TO {role}",
    )
    rows = [{"id": 1, "price": 200}, {"id": 2, "price": 300}]
    assert propload.check(rows, to=login, **KEYED).problems == ()
    for _ in range(2):
        propload.ingest(rows, to=login, **KEYED)
    stored = query(database, "SELECT id, price, owner FROM homes ORDER BY id")
    assert stored == [(1, 200, "them"), (2, 300, "me")]


#: What is granted, and what has to be granted besides for rows of three columns.
MISSING = {
    "insert": (
        "SELECT, INSERT (id, price), UPDATE",
        ['GRANT INSERT ("owner") ON "public"."homes" to it'],
    ),
    "update": (
        "SELECT, INSERT, UPDATE (price)",
        ['GRANT UPDATE ("owner") ON "public"."homes" to it'],
    ),
    "both": (
        "SELECT, INSERT (id, owner), UPDATE (owner)",
        ['GRANT INSERT ("price")', 'GRANT UPDATE ("price")'],
    ),
    "a look at stored rows": (
        "SELECT (id, price, owner), INSERT, UPDATE",
        ['GRANT SELECT ON "public"."homes" to it'],
    ),
}


@pytest.mark.parametrize(("rights", "advice"), MISSING.values(), ids=MISSING)
def test_a_column_that_may_not_be_written_is_told_before_the_first_row(
    database, user, rights, advice
):
    role, login = user
    run_sql(database, f"GRANT {rights} ON homes TO {role}")
    rows = [{"id": 1, "price": 200, "owner": "us"}]
    problems = propload.check(rows, to=login, **KEYED).problems
    with pytest.raises(propload.WriteError) as caught:
        propload.ingest(rows, to=login, **KEYED)
    assert caught.value.sqlstate == "42501"
    for number, grant in enumerate(advice):
        assert grant in problems[number]
        assert problems[number] in str(caught.value)
    assert len(problems) == len(advice)
    for grant in advice:
        right = grant.removeprefix("GRANT ").split(" ON ")[0]
        run_sql(database, f"GRANT {right} ON homes TO {role}")
    assert propload.check(rows, to=login, **KEYED).problems == ()
    assert propload.ingest(rows, to=login, **KEYED).counts.updated == 1


def test_a_column_that_only_stored_rows_have_is_written_with_them(database, user):
    role, login = user
    run_sql(
        database,
        "ALTER TABLE homes ADD city text NOT NULL DEFAULT 'Ede'",
        "ALTER TABLE homes ALTER city DROP DEFAULT",
        f"GRANT SELECT, INSERT (id, price), UPDATE (price) ON homes TO {role}",
    )
    rows = [{"id": 1, "price": 200}]
    (problem,) = propload.check(rows, to=login, **KEYED).problems
    assert 'GRANT INSERT ("city")' in problem
    run_sql(database, f"GRANT INSERT (city) ON homes TO {role}")
    assert propload.ingest(rows, to=login, **KEYED).counts.updated == 1


def test_an_append_needs_one_column_to_read_alone(database, user):
    role, login = user
    run_sql(database, f"GRANT SELECT (id), INSERT (id, price) ON homes TO {role}")
    rows = [{"id": 2, "price": 200}]
    told = {"to": login, "table": "homes", "mode": "append"}
    assert propload.check(rows, **told).problems == ()
    assert propload.ingest(rows, **told).counts.inserted == 1


def test_a_type_that_may_not_be_named_is_told_with_its_schema(database, user):
    role, login = user
    run_sql(
        database,
        "CREATE SCHEMA gis",
        "CREATE TYPE gis.place AS (x float8, y float8)",
        "ALTER TABLE homes ADD place gis.place, ADD way gis.place[]",
        f"GRANT SELECT, INSERT, UPDATE ON homes TO {role}",
    )
    rows = [{"id": 1, "price": 200, "place": "(4.35,52.01)", "way": None}]
    wanted = 'GRANT USAGE ON SCHEMA "gis" to this user'
    [problem] = propload.check(rows, to=login, **KEYED).problems
    assert wanted in problem
    assert "types of place, way in public.homes" in problem
    with pytest.raises(propload.WriteError, match=wanted):
        propload.ingest(rows, to=login, **KEYED)
    run_sql(database, f"GRANT USAGE ON SCHEMA gis TO {role}")
    assert propload.ingest(rows, to=login, **KEYED).counts.updated == 1
