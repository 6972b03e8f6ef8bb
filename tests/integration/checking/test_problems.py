"""What would stop a load is a problem that a check names."""

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
    ("made", "settings", "told"),
    [
        ("CREATE TABLE homes (id int PRIMARY KEY)", {}, "inherit"),
        ("CREATE TABLE homes (id int)", {}, "ADD UNIQUE"),
        ("CREATE TABLE homes (id int)", {"mode": "append"}, None),
        ("CREATE TABLE homes (id int)", {"mode": "replace"}, None),
    ],
)
def test_the_key_is_a_problem_where_it_stops_the_load(database, made, settings, told):
    run_sql(database, made)
    if told == "inherit":
        run_sql(database, "CREATE TABLE villas () INHERITS (homes)")
    given = {"to": database, "table": "homes", "key": "id", **settings}
    problems = propload.check([{"id": 1}], **given).problems
    if told is None:
        assert problems == ()
        assert propload.ingest([{"id": 1}], **given).counts.inserted == 1
        return
    assert [told in problem for problem in problems] == [True]
    with pytest.raises(propload.LoadError, match=told):
        propload.ingest([{"id": 1}], **given)


@pytest.mark.parametrize("made", [True, False])
def test_rows_without_a_key_after_others_that_have_it_are_refused(
    database, tmp_path, made
):
    if made:
        run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
        run_sql(database, "INSERT INTO homes VALUES (9, 'z')")
    paths = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for path, text in zip(paths, ("id,v\n1,a\n2,b\n", "v\nc\n"), strict=True):
        path.write_text(text)
    given = {"to": database, "table": "homes", "key": "id"}
    said = propload.check([str(path) for path in paths], **given)
    assert (said.problems, said.rejected) == ((), 1)
    done = propload.ingest([str(path) for path in paths], **given)
    assert (done.counts.inserted, done.counts.rejected) == (2, 1)
    if made:
        assert said.expected == done.counts


def test_items_may_lack_a_key_that_the_table_has(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
    given = {"to": database, "table": "homes", "key": "id", "batch_rows": 1}
    rows = [{"v": "a"}, {"id": 1, "v": "b"}]
    said = propload.check(iter(rows), **given)
    assert (said.problems, said.rejected) == ((), 1)
    assert propload.ingest(iter(rows), **given).counts == said.expected


def test_a_column_that_rows_lack_and_the_table_needs_refuses_new_rows(database):
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int, owner text NOT NULL)",
        "INSERT INTO homes VALUES (1, 5, 'x')",
    )
    rows = [{"id": 1, "price": 6}, {"id": 2, "price": 7}]
    said = propload.check(rows, to=database, table="homes")
    assert said.expected == propload.ingest(rows, to=database, table="homes").counts
    assert [(r.column, r.check) for r in said.reasons] == [("owner", "not_null")]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("nowhere.homes", 'CREATE SCHEMA "nowhere"'),
        ("a" * 64, "has 64 bytes"),
    ],
)
def test_a_table_that_cannot_be_made_is_a_problem(database, table, told):
    said = propload.check([{"id": 1}], to=database, table=table, key="id")
    assert len(said.problems) == 1
    assert told in said.problems[0]
    assert said.expected is None


def test_nothing_is_left_of_a_table_that_could_be_made(database):
    said = propload.check([{"id": 1}], to=database, table="homes", key="id")
    assert said.problems == ()
    with connect(database) as session:
        assert session.rows("SELECT to_regclass('homes') IS NULL") == [(True,)]


def test_columns_with_names_too_long_are_a_problem(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    said = propload.check(
        [{"id": 1, "b" * 64: 2}], to=database, table="homes", on_new_columns="add"
    )
    assert ["has 64 bytes" in problem for problem in said.problems] == [True]


@pytest.mark.parametrize(
    ("limit", "stops"), [(1, True), (2, False), ("50%", True), ("70%", False)]
)
def test_more_rejected_rows_than_the_limit_allows_are_a_problem(database, limit, stops):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v int CHECK (v > 0))")
    given = {"to": database, "table": "homes", "key": "id", "max_rejects": limit}
    # one that the server rejects, one that is found before it is asked
    rows = [{"id": 1, "v": 1}, {"id": 2, "v": -1}, {"id": None, "v": 3}]
    said = propload.check(rows, **given)
    assert said.rejected == 2
    if not stops:
        assert said.problems == ()
        assert propload.ingest(rows, **given).counts == said.expected
        return
    assert said.expected is None
    assert said.problems == (
        "2 of 3 rows would be rejected, which is more than max_rejects allows",
    )
    with pytest.raises(propload.RejectLimitError, match="2 of 3 rows were rejected"):
        propload.ingest(rows, **given)
