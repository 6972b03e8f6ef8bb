"""Tables, keys and databases into which the rows cannot be loaded."""

import inspect
import os

import pytest

import propload
from propload.errors import ConfigError, LoadError, PropLoadError
from tests.integration.bad_input.homes import GOOD, stored
from tests.integration.reading import run_sql
from tests.integration.users import new_user

pytestmark = pytest.mark.timeout(120)


def test_unknown_key_column_is_refused(load, write):
    with pytest.raises(ConfigError, match="column nr is needed"):
        load(write(GOOD), key="nr")


def test_rows_with_a_null_key_are_rejected(load, write, database):
    report = load(write("id,price\n1,10\n,20\n3,30\n"))
    assert report.counts.rejected == 1
    assert report.rejects["propload_row"].to_list() == [2]
    assert stored(database)["id"].to_list() == [1, 3]


def test_key_without_a_unique_constraint_is_refused(load, write, database):
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint)")
    with pytest.raises(LoadError, match="no unique constraint on"):
        load(write(GOOD))
    assert stored(database).height == 0


def test_view_is_refused(load, write, database):
    run_sql(database, "CREATE VIEW homes AS SELECT 1 AS id, 2 AS price")
    with pytest.raises(PropLoadError, match="view"):
        load(write(GOOD))


def test_new_column_is_refused_ignored_or_added(load, write, database):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    with pytest.raises(LoadError, match="price"):
        load(write(GOOD))
    assert load(write(GOOD), on_new_columns="ignore").counts.inserted == 3
    assert stored(database).columns == ["id"]
    assert load(write(GOOD), on_new_columns="add").counts.updated == 3
    assert stored(database)["price"].to_list() == [10, 20, 30]


@pytest.mark.parametrize(
    ("dsn", "message"),
    [
        ("postgresql://nobody:sesame@127.0.0.1:1/homes", "127.0.0.1"),
        ("postgresql://nobody:sesame@no-such-host.invalid/homes", "no-such-host"),
        ("this is no address", "connection string"),
    ],
)
def test_error_for_an_unreachable_database_hides_the_password(
    load, write, dsn, message
):
    with pytest.raises(PropLoadError, match=message) as caught:
        load(write(GOOD), to=dsn, retry_seconds=0, retry_attempts=1)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [propload.ingest, propload.check, propload.tune],
    ids=lambda one: one.__name__,
)
def test_error_raised_for_an_unreachable_database_is_documented(function, tmp_path):
    nowhere = "postgresql://nobody@127.0.0.1:1/homes"
    with pytest.raises(propload.WriteError) as caught:
        function([{"id": 1}], to=nowhere, table="t", key="id", state_dir=tmp_path)
    # no run had begun, so none was stopped
    assert not isinstance(caught.value, LoadError)
    assert "\n    WriteError: The database cannot be reached" in inspect.getdoc(
        function
    )


def test_missing_privilege_to_write_is_an_error(load, write, database):
    role = f"reader_{os.getpid()}"
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    with new_user(database, role, f"GRANT SELECT ON homes TO {role}") as dsn:
        with pytest.raises(PropLoadError, match="homes"):
            load(write(GOOD), to=dsn)
        assert stored(database).height == 0


def test_reject_limit_stops_the_run_and_keeps_what_is_committed(load, write, database):
    rows = "".join(f"{n},{'x' if n % 5 == 0 else n}\n" for n in range(1, 2001))
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    with pytest.raises(propload.RejectLimitError) as caught:
        load(write("id,price\n" + rows), max_rejects="10%", batch_rows=200)
    report = caught.value.report
    report.counts.verify()
    assert caught.value.exit_code == 3
    assert report.status == "stopped"
    assert stored(database).height == report.counts.inserted


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("id bigint PRIMARY KEY, sold date NOT NULL", "column sold is NOT NULL"),
        ("price bigint", "lacks the key column id"),
    ],
)
def test_check_reports_why_rows_do_not_fit(write, database, columns, message):
    run_sql(database, f"CREATE TABLE homes ({columns})")
    report = propload.check(write(GOOD), to=database, table="homes", key="id")
    assert any(message in each for each in report.problems), report.problems
    assert (report.rows, report.rejected, report.key_repeats) == (3, 0, 0)


def test_error_for_a_misspelt_key_names_file_and_suggestion(load, write):
    path = write(GOOD)
    with pytest.raises(ConfigError) as caught:
        load(path, key="idd")
    assert str(caught.value).startswith(f"{path}: column idd is needed")
    assert str(caught.value).endswith("did you mean 'id'?")
