"""What a user may not do or see, a check says or takes into account."""

import os

import pytest

import propload
from propload.postgres.session.dsn import parse_dsn
from tests.integration.reading import run_sql
from tests.integration.users import new_user

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def user(database):
    """Make a user of few rights. Value: their name and their connection string."""
    name = f"checker_{os.getpid()}"
    with new_user(database, name) as dsn:
        yield name, dsn


def test_who_may_not_make_temporary_tables_is_told_so(database, user):
    role, login = user
    name = parse_dsn(database)["dbname"]
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY)",
        f"GRANT SELECT, INSERT, UPDATE ON homes TO {role}",
        f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
    )
    try:
        said = propload.check([{"id": 1}], to=login, table="homes")
    finally:
        run_sql(database, f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC")
    assert (said.problems, said.expected) == ((), None)
    assert ["GRANT TEMPORARY" in note for note in said.notes] == [True]


def test_a_parent_row_that_the_user_does_not_see_refuses_nothing(database, user):
    role, login = user
    run_sql(
        database,
        "CREATE TABLE towns (name text PRIMARY KEY, owner text)",
        "INSERT INTO towns VALUES ('Ede', current_user), ('Epe', current_user)",
        "CREATE TABLE homes (id int PRIMARY KEY, town text REFERENCES towns)",
        "INSERT INTO homes VALUES (0, 'Ede')",
        "ALTER TABLE towns ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON towns USING (owner = current_user)",
        f"GRANT SELECT, INSERT, UPDATE ON homes TO {role}",
        f"GRANT SELECT ON towns TO {role}",
    )
    given = {"to": login, "table": "homes"}
    rows = [{"id": 1, "town": "Ede"}, {"id": 2, "town": "Epe"}]
    assert propload.check(rows, **given).rejected == 0
    bad = [{"id": 3, "town": "Oz"}, {"id": 4, "town": "Ur"}]
    report = propload.ingest([*bad, *rows], **given)
    assert (report.counts.inserted, report.counts.rejected) == (2, 2)
