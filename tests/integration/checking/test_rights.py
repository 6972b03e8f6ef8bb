"""A check reports what a user may not do, and allows for what they cannot see."""

import os

import pytest

import propload
from propload.postgres.session.dsn import parse_dsn, with_option
from tests.integration.reading import query, run_sql
from tests.integration.users import new_user

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def user(database):
    """Create a user with few privileges, and yield their name and connection string."""
    name = f"checker_{os.getpid()}"
    with new_user(database, name) as dsn:
        yield name, dsn


def test_missing_privilege_for_temporary_tables_is_noted(database, user):
    role, login = user
    name = parse_dsn(database)["dbname"]
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY)",
        f"GRANT SELECT, INSERT, UPDATE ON homes TO {role}",
        f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
    )
    try:
        checked = propload.check([{"id": 1}], to=login, table="homes")
    finally:
        run_sql(database, f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC")
    assert (checked.problems, checked.expected) == ((), None)
    assert ["GRANT TEMPORARY" in note for note in checked.notes] == [True]


def test_read_only_session_is_a_problem(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    reader = with_option(database, "-c default_transaction_read_only=on")
    for table in ("homes", "others"):
        checked = propload.check([{"id": 1}], to=reader, table=table, key="id")
        assert ["read-only" in problem for problem in checked.problems] == [True], table
        assert not any("read-only" in note for note in checked.notes)


def test_parent_row_hidden_from_the_user_rejects_nothing(database, user):
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
    settings = {"to": login, "table": "homes"}
    rows = [{"id": 1, "town": "Ede"}, {"id": 2, "town": "Epe"}]
    assert propload.check(rows, **settings).rejected == 0
    bad = [{"id": 3, "town": "Oz"}, {"id": 4, "town": "Ur"}]
    report = propload.ingest([*bad, *rows], **settings)
    assert (report.counts.inserted, report.counts.rejected) == (2, 2)


def make_homes(database, role):
    """Create a table of one row, which a role may read and add rows to."""
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int)",
        "INSERT INTO homes VALUES (1, 100)",
        f"GRANT SELECT, INSERT ON homes TO {role}",
    )


MISSING_PRIVILEGES = {
    "an upsert": ({"mode": "upsert"}, "", "UPDATE"),
    "a replace": ({"mode": "replace"}, "", "TRUNCATE"),
    "a replace of what others refer to": (
        {"mode": "replace", "key": "id"},
        "CREATE TABLE visits (home int REFERENCES homes)",
        "DELETE, UPDATE",
    ),
}


@pytest.mark.parametrize(
    ("settings", "statement", "privilege"),
    MISSING_PRIVILEGES.values(),
    ids=MISSING_PRIVILEGES,
)
def test_privilege_on_stored_rows_is_demanded_before_the_first_row(
    database, user, settings, statement, privilege
):
    role, login = user
    make_homes(database, role)
    run_sql(database, f"GRANT CREATE ON SCHEMA public TO {role}")
    run_sql(database, *filter(None, [statement]))
    rows, settings = (
        [{"id": 1, "price": 200}],
        {"to": login, "table": "homes", **settings},
    )
    (problem,) = propload.check(rows, **settings).problems
    with pytest.raises(propload.WriteError) as caught:
        propload.ingest(rows, **settings)
    for message in (problem, str(caught.value)):
        assert f'GRANT {privilege} ON "public"."homes" to it' in message
    assert caught.value.report.counts.read == 0
    run_sql(database, f"GRANT {privilege} ON homes TO {role}")
    assert propload.check(rows, **settings).problems == ()
    assert propload.ingest(rows, **settings).counts.rejected == 0
    assert query(database, "SELECT price FROM homes") == [(200,)]


def assert_replace_needs(database, settings, grant):
    """Check that a replace reports a missing privilege, and works once granted."""
    rows = [{"id": 1, "price": 200}]
    settings = {**settings, "table": "homes", "key": "id", "mode": "replace"}
    (problem,) = propload.check(rows, **settings).problems
    assert f"{grant} to it" in problem
    with pytest.raises(propload.WriteError) as caught:
        propload.ingest(rows, **settings)
    assert problem in str(caught.value)
    run_sql(database, f"{grant} TO {parse_dsn(settings['to'])['user']}")
    assert propload.check(rows, **settings).problems == ()
    assert propload.ingest(rows, **settings).counts.inserted == 1


def test_replace_needs_create_on_the_schema_of_its_table(database, user):
    role, login = user
    make_homes(database, role)
    run_sql(database, f"GRANT TRUNCATE ON homes TO {role}")
    grant = 'GRANT CREATE ON SCHEMA "public"'
    assert_replace_needs(database, {"to": login}, grant)


@pytest.mark.parametrize("exists", [True, False])
def test_replace_needs_create_on_the_schema_of_the_ledger(database, user, exists):
    role, login = user
    run_sql(
        database,
        "CREATE SCHEMA propload",
        f"GRANT USAGE, CREATE ON SCHEMA propload TO {role}",
        f"GRANT CREATE ON SCHEMA public TO {role}",
    )
    propload.ingest([{"id": 1}], to=login, table="others", key="id")
    run_sql(database, f"REVOKE CREATE ON SCHEMA propload FROM {role}")
    if exists:
        make_homes(database, role)
        run_sql(database, f"GRANT TRUNCATE ON homes TO {role}")
    grant = 'GRANT CREATE ON SCHEMA "propload"'
    assert_replace_needs(database, {"to": login}, grant)


def test_replace_that_creates_its_ledger_needs_no_create_on_the_schema(database, user):
    role, login = user
    make_homes(database, role)
    name = parse_dsn(database)["dbname"]
    run_sql(
        database,
        f"GRANT TRUNCATE ON homes TO {role}",
        f"GRANT CREATE ON DATABASE {name} TO {role}",
    )
    settings = {"to": login, "table": "homes", "mode": "replace"}
    assert propload.check([{"id": 1, "price": 200}], **settings).problems == ()
    assert propload.ingest([{"id": 1, "price": 200}], **settings).counts.inserted == 1


def test_replace_needs_references_on_a_parent_table(database, user):
    role, login = user
    run_sql(database, "CREATE TABLE towns (id int PRIMARY KEY)")
    make_homes(database, role)
    run_sql(
        database,
        "INSERT INTO towns VALUES (200)",
        "UPDATE homes SET price = NULL",
        "ALTER TABLE homes ADD FOREIGN KEY (price) REFERENCES towns",
        f"GRANT TRUNCATE ON homes TO {role}",
        f"GRANT CREATE ON SCHEMA public TO {role}",
    )
    grant = 'GRANT REFERENCES ON "public"."towns"'
    assert_replace_needs(database, {"to": login}, grant)


@pytest.mark.parametrize(
    ("settings", "row"),
    [
        ({"mode": "insert-new"}, {"id": 1, "price": 200}),
        ({"mode": "append", "key": None}, {"id": 2, "price": 200}),
        # rows that hold only the key change nothing of a stored row
        ({"mode": "upsert"}, {"id": 1}),
    ],
)
def test_load_that_changes_no_stored_row_needs_no_privilege_for_it(
    database, user, settings, row
):
    role, login = user
    make_homes(database, role)
    settings = {"to": login, "table": "homes", **settings}
    assert propload.check([row], **settings).problems == ()
    propload.ingest([row], **settings)
    assert (1, 100) in query(database, "SELECT id, price FROM homes")


def test_new_column_that_only_the_owner_may_add_is_a_problem(database, user):
    role, login = user
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY)",
        f"GRANT SELECT, INSERT, UPDATE ON homes TO {role}",
    )
    rows = [{"id": 1, "price": 200}]
    settings = {"to": login, "table": "homes", "on_new_columns": "add"}
    (problem,) = propload.check(rows, **settings).problems
    with pytest.raises(propload.WriteError, match=problem):
        propload.ingest(rows, **settings)
