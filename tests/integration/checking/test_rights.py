"""What a user may not do or see, a check says or takes into account."""

import os

import pytest

import propload
from propload.postgres.session.dsn import parse_dsn, with_option
from tests.integration.reading import query, run_sql
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


def test_who_may_only_read_is_told_that_a_load_would_stop(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    reader = with_option(database, "-c default_transaction_read_only=on")
    for table in ("homes", "others"):
        said = propload.check([{"id": 1}], to=reader, table=table, key="id")
        assert ["read-only" in problem for problem in said.problems] == [True], table
        assert not any("read-only" in note for note in said.notes)


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


def make_homes(database, role):
    """Make a table with a row, which a role may read and add to."""
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int)",
        "INSERT INTO homes VALUES (1, 100)",
        f"GRANT SELECT, INSERT ON homes TO {role}",
    )


MISSING = {
    "an upsert": ({"mode": "upsert"}, "", "UPDATE"),
    "a replace": ({"mode": "replace"}, "", "TRUNCATE"),
    "a replace of what others refer to": (
        {"mode": "replace", "key": "id"},
        "CREATE TABLE visits (home int REFERENCES homes)",
        "DELETE, UPDATE",
    ),
}


@pytest.mark.parametrize(("told", "also", "right"), MISSING.values(), ids=MISSING)
def test_a_right_that_stored_rows_call_for_is_told_before_the_first_row(
    database, user, told, also, right
):
    role, login = user
    make_homes(database, role)
    run_sql(database, f"GRANT CREATE ON SCHEMA public TO {role}")
    run_sql(database, *filter(None, [also]))
    rows, told = [{"id": 1, "price": 200}], {"to": login, "table": "homes", **told}
    (problem,) = propload.check(rows, **told).problems
    with pytest.raises(propload.WriteError) as caught:
        propload.ingest(rows, **told)
    for said in (problem, str(caught.value)):
        assert f'GRANT {right} ON "public"."homes" to it' in said
    assert caught.value.report.counts.read == 0
    run_sql(database, f"GRANT {right} ON homes TO {role}")
    assert propload.check(rows, **told).problems == ()
    assert propload.ingest(rows, **told).counts.rejected == 0
    assert query(database, "SELECT price FROM homes") == [(200,)]


def require_told_of_replace(database, told, grant):
    """Replace without a right that is told beforehand, and with it."""
    rows = [{"id": 1, "price": 200}]
    told = {**told, "table": "homes", "key": "id", "mode": "replace"}
    (problem,) = propload.check(rows, **told).problems
    assert f"{grant} to it" in problem
    with pytest.raises(propload.WriteError) as caught:
        propload.ingest(rows, **told)
    assert problem in str(caught.value)
    run_sql(database, f"{grant} TO {parse_dsn(told['to'])['user']}")
    assert propload.check(rows, **told).problems == ()
    assert propload.ingest(rows, **told).counts.inserted == 1


def test_a_replace_that_may_make_no_table_beside_its_own_is_told(database, user):
    role, login = user
    make_homes(database, role)
    run_sql(database, f"GRANT TRUNCATE ON homes TO {role}")
    grant = 'GRANT CREATE ON SCHEMA "public"'
    require_told_of_replace(database, {"to": login}, grant)


@pytest.mark.parametrize("made", [True, False])
def test_a_replace_that_may_make_no_table_beside_the_ledger_is_told(
    database, user, made
):
    role, login = user
    run_sql(
        database,
        "CREATE SCHEMA propload",
        f"GRANT USAGE, CREATE ON SCHEMA propload TO {role}",
        f"GRANT CREATE ON SCHEMA public TO {role}",
    )
    propload.ingest([{"id": 1}], to=login, table="others", key="id")
    run_sql(database, f"REVOKE CREATE ON SCHEMA propload FROM {role}")
    if made:
        make_homes(database, role)
        run_sql(database, f"GRANT TRUNCATE ON homes TO {role}")
    grant = 'GRANT CREATE ON SCHEMA "propload"'
    require_told_of_replace(database, {"to": login}, grant)


def test_a_replace_whose_ledger_is_made_with_it_needs_no_other_room(database, user):
    role, login = user
    make_homes(database, role)
    name = parse_dsn(database)["dbname"]
    run_sql(
        database,
        f"GRANT TRUNCATE ON homes TO {role}",
        f"GRANT CREATE ON DATABASE {name} TO {role}",
    )
    told = {"to": login, "table": "homes", "mode": "replace"}
    assert propload.check([{"id": 1, "price": 200}], **told).problems == ()
    assert propload.ingest([{"id": 1, "price": 200}], **told).counts.inserted == 1


def test_a_replace_that_may_not_refer_to_parent_rows_is_told(database, user):
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
    require_told_of_replace(database, {"to": login}, grant)


@pytest.mark.parametrize(
    ("told", "row"),
    [
        ({"mode": "insert-new"}, {"id": 1, "price": 200}),
        ({"mode": "append", "key": None}, {"id": 2, "price": 200}),
        # nothing of a stored row is changed where the key is all there is
        ({"mode": "upsert"}, {"id": 1}),
    ],
)
def test_who_changes_no_stored_row_needs_no_right_to_it(database, user, told, row):
    role, login = user
    make_homes(database, role)
    told = {"to": login, "table": "homes", **told}
    assert propload.check([row], **told).problems == ()
    propload.ingest([row], **told)
    assert (1, 100) in query(database, "SELECT id, price FROM homes")


def test_columns_that_only_the_owner_adds_are_told(database, user):
    role, login = user
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY)",
        f"GRANT SELECT, INSERT, UPDATE ON homes TO {role}",
    )
    rows = [{"id": 1, "price": 200}]
    told = {"to": login, "table": "homes", "on_new_columns": "add"}
    (problem,) = propload.check(rows, **told).problems
    with pytest.raises(propload.WriteError, match=problem):
        propload.ingest(rows, **told)
