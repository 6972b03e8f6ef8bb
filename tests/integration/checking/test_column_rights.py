"""A user may load the columns that they may write, and is told of the others."""

import os

import pytest

import propload
from tests.integration.reading import query, run_sql
from tests.integration.users import new_user

pytestmark = pytest.mark.timeout(180)

KEYED = {"table": "homes", "key": "id"}


@pytest.fixture
def user(database):
    """Create a table of one row and a user; yield the user's name and DSN."""
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int, owner text DEFAULT 'me')",
        "INSERT INTO homes VALUES (1, 100, 'them')",
    )
    name = f"clerk_{os.getpid()}"
    with new_user(database, name) as dsn:
        yield name, dsn


def test_privileges_on_the_loaded_columns_suffice(database, user):
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


#: The privileges granted, and those that rows of three columns need in addition.
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
def test_missing_column_privilege_is_reported_before_the_first_row(
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
        privilege = grant.removeprefix("GRANT ").split(" ON ")[0]
        run_sql(database, f"GRANT {privilege} ON homes TO {role}")
    assert propload.check(rows, to=login, **KEYED).problems == ()
    assert propload.ingest(rows, to=login, **KEYED).counts.updated == 1


def test_required_column_that_rows_lack_needs_an_insert_privilege(database, user):
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


def test_append_needs_only_one_readable_column(database, user):
    role, login = user
    run_sql(database, f"GRANT SELECT (id), INSERT (id, price) ON homes TO {role}")
    rows = [{"id": 2, "price": 200}]
    settings = {"to": login, "table": "homes", "mode": "append"}
    assert propload.check(rows, **settings).problems == ()
    assert propload.ingest(rows, **settings).counts.inserted == 1


def test_type_in_a_schema_without_usage_is_reported_with_the_grant(database, user):
    role, login = user
    run_sql(
        database,
        "CREATE SCHEMA gis",
        "CREATE TYPE gis.place AS (x float8, y float8)",
        "ALTER TABLE homes ADD place gis.place, ADD way gis.place[]",
        f"GRANT SELECT, INSERT, UPDATE ON homes TO {role}",
    )
    rows = [{"id": 1, "price": 200, "place": "(4.35,52.01)", "way": None}]
    grant = 'GRANT USAGE ON SCHEMA "gis" to this user'
    [problem] = propload.check(rows, to=login, **KEYED).problems
    assert grant in problem
    assert "types of place, way in public.homes" in problem
    with pytest.raises(propload.WriteError, match=grant):
        propload.ingest(rows, to=login, **KEYED)
    run_sql(database, f"GRANT USAGE ON SCHEMA gis TO {role}")
    assert propload.ingest(rows, to=login, **KEYED).counts.updated == 1
