"""What would stop a load is a problem that the check names."""

import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(180)


def test_rows_that_are_refused_only_together_end_the_check(database, monkeypatch):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, name text)")
    monkeypatch.setattr("propload.postgres.dry_run.find_uncopyable", lambda *_: [])
    with pytest.raises(propload.WriteError, match="homes"):
        propload.check([{"id": 1, "name": "a\0b"}], to=database, table="homes")


@pytest.mark.parametrize(
    ("statement", "settings", "message"),
    [
        ("CREATE TABLE homes (id int PRIMARY KEY)", {}, "inherit"),
        ("CREATE TABLE homes (id int)", {}, "ADD UNIQUE"),
        ("CREATE TABLE homes (id int)", {"mode": "append"}, None),
        ("CREATE TABLE homes (id int)", {"mode": "replace"}, None),
    ],
)
def test_key_is_a_problem_only_if_it_stops_the_load(
    database, statement, settings, message
):
    run_sql(database, statement)
    if message == "inherit":
        run_sql(database, "CREATE TABLE villas () INHERITS (homes)")
    arguments = {"to": database, "table": "homes", "key": "id", **settings}
    problems = propload.check([{"id": 1}], **arguments).problems
    if message is None:
        assert problems == ()
        assert propload.ingest([{"id": 1}], **arguments).counts.inserted == 1
        return
    assert [message in problem for problem in problems] == [True]
    with pytest.raises(propload.LoadError, match=message):
        propload.ingest([{"id": 1}], **arguments)


@pytest.mark.parametrize("exists", [True, False])
def test_rows_without_the_key_after_rows_with_it_are_rejected(
    database, tmp_path, exists
):
    if exists:
        run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
        run_sql(database, "INSERT INTO homes VALUES (9, 'z')")
    paths = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for path, text in zip(paths, ("id,v\n1,a\n2,b\n", "v\nc\n"), strict=True):
        path.write_text(text)
    settings = {"to": database, "table": "homes", "key": "id"}
    checked = propload.check([str(path) for path in paths], **settings)
    assert (checked.problems, checked.rejected) == ((), 1)
    loaded = propload.ingest([str(path) for path in paths], **settings)
    assert (loaded.counts.inserted, loaded.counts.rejected) == (2, 1)
    if exists:
        assert checked.expected == loaded.counts


def test_item_without_the_key_is_rejected_and_no_problem(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
    settings = {"to": database, "table": "homes", "key": "id", "batch_rows": 1}
    rows = [{"v": "a"}, {"id": 1, "v": "b"}]
    checked = propload.check(iter(rows), **settings)
    assert (checked.problems, checked.rejected) == ((), 1)
    assert propload.ingest(iter(rows), **settings).counts == checked.expected


def test_new_rows_without_a_required_column_are_rejected(database):
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int, owner text NOT NULL)",
        "INSERT INTO homes VALUES (1, 5, 'x')",
    )
    rows = [{"id": 1, "price": 6}, {"id": 2, "price": 7}]
    checked = propload.check(rows, to=database, table="homes")
    assert checked.expected == propload.ingest(rows, to=database, table="homes").counts
    assert [(r.column, r.check) for r in checked.reasons] == [("owner", "not_null")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("nowhere.homes", 'CREATE SCHEMA "nowhere"'),
        ("a" * 64, "has 64 bytes"),
    ],
)
def test_table_that_cannot_be_created_is_a_problem(database, table, message):
    checked = propload.check([{"id": 1}], to=database, table=table, key="id")
    assert len(checked.problems) == 1
    assert message in checked.problems[0]
    assert checked.expected is None


def test_check_leaves_no_new_table_behind(database):
    checked = propload.check([{"id": 1}], to=database, table="homes", key="id")
    assert checked.problems == ()
    with connect(database) as session:
        assert session.rows("SELECT to_regclass('homes') IS NULL") == [(True,)]


def test_column_name_that_is_too_long_is_a_problem(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    checked = propload.check(
        [{"id": 1, "b" * 64: 2}], to=database, table="homes", on_new_columns="add"
    )
    assert ["has 64 bytes" in problem for problem in checked.problems] == [True]


@pytest.mark.parametrize(
    ("limit", "stops"), [(1, True), (2, False), ("50%", True), ("70%", False)]
)
def test_more_rejects_than_the_limit_allows_are_a_problem(database, limit, stops):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v int CHECK (v > 0))")
    settings = {"to": database, "table": "homes", "key": "id", "max_rejects": limit}
    # one is rejected by the server, one before it is sent there
    rows = [{"id": 1, "v": 1}, {"id": 2, "v": -1}, {"id": None, "v": 3}]
    checked = propload.check(rows, **settings)
    assert checked.rejected == 2
    if not stops:
        assert checked.problems == ()
        assert propload.ingest(rows, **settings).counts == checked.expected
        return
    assert checked.expected is None
    assert checked.problems == (
        "2 of 3 rows would be rejected, which is more than max_rejects allows",
    )
    with pytest.raises(propload.RejectLimitError, match="2 of 3 rows were rejected"):
        propload.ingest(rows, **settings)
