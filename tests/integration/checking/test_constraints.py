"""What a domain, a constraint or a parent table refuses is reported row by row."""

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("on_null", ["keep", "overwrite"])
def test_values_that_a_domain_refuses_are_reported(database, on_null):
    run_sql(
        database,
        "CREATE DOMAIN price AS int CHECK (VALUE > 0)",
        "CREATE DOMAIN zip AS text CHECK (VALUE ~ '^[0-9]{4} [A-Z]{2}$')",
        "CREATE TABLE homes (id bigint PRIMARY KEY, price price, zip zip)",
        "INSERT INTO homes VALUES (1, 100, '1234 AB')",
    )
    rows = [
        {"id": 1, "price": 200, "zip": None},
        {"id": 2, "price": -1, "zip": "1234 AB"},
        {"id": 3, "price": 5, "zip": "1234AB"},
        {"id": 4, "price": 7, "zip": "1234 AB"},
    ]
    told = {"to": database, "table": "homes", "key": "id", "on_null": on_null}
    checked = propload.check(rows, **told)
    loaded = propload.ingest(rows, **told)
    assert checked.expected == loaded.counts
    assert loaded.counts.rejected == 2
    told = loaded.reasons.select("column", "check", "rows").rows()
    assert {(one.column, one.check, one.rows) for one in checked.reasons} == set(told)


@pytest.mark.parametrize(
    ("rules", "rejected"),
    [({"mode": "insert-new"}, 1), ({"newest": "seen"}, 1), ({}, 2)],
    ids=str,
)
def test_domain_is_checked_only_for_rows_that_would_be_written(
    database, rules, rejected
):
    run_sql(
        database,
        "CREATE DOMAIN price AS int CHECK (VALUE > 0)",
        "CREATE TABLE homes (id bigint PRIMARY KEY, price price, seen int)",
        "INSERT INTO homes VALUES (1, 100, 5)",
    )
    rows = [{"id": 1, "price": -1, "seen": 1}, {"id": 2, "price": -1, "seen": 1}]
    settings = {"to": database, "table": "homes", "key": "id", **rules}
    checked = propload.check(rows, **settings)
    loaded = propload.ingest(rows, **settings)
    assert checked.expected == loaded.counts
    assert checked.rejected == loaded.counts.rejected == rejected


@pytest.mark.parametrize(("on_null", "rejected"), [("keep", 0), ("overwrite", 1)])
def test_null_that_a_domain_refuses_is_reported_unless_on_null_is_keep(
    database, on_null, rejected
):
    run_sql(
        database,
        "CREATE DOMAIN named AS text NOT NULL",
        "CREATE TABLE homes (id bigint PRIMARY KEY, name named, rooms int)",
        "INSERT INTO homes VALUES (1, 'one', 3)",
    )
    rows = [{"id": 1, "name": None, "rooms": 4}, {"id": 2, "name": "two", "rooms": 5}]
    settings = {"to": database, "table": "homes", "key": "id", "on_null": on_null}
    checked = propload.check(rows, **settings)
    assert checked.rejected == rejected
    assert checked.expected == propload.ingest(rows, **settings).counts


def test_period_that_parent_rows_cover_is_not_rejected(database, needs):
    needs.version(18)
    run_sql(
        database,
        "CREATE TABLE owned (id int4range, during daterange, "
        "PRIMARY KEY (id, during WITHOUT OVERLAPS))",
        "INSERT INTO owned VALUES ('[1,2)', '[2020-01-01,2030-01-01)')",
        "CREATE TABLE homes (id int PRIMARY KEY, owner int4range, during daterange,"
        "FOREIGN KEY (owner, PERIOD during) REFERENCES owned (id, PERIOD during))",
        "INSERT INTO homes VALUES (0)",
    )
    year = "[2021-01-01,2022-01-01)"
    good = [{"id": n, "owner": "[1,2)", "during": year} for n in (1, 2)]
    bad = [{"id": n, "owner": "[7,8)", "during": year} for n in (3, 4)]
    assert propload.check(good, to=database, table="homes").rejected == 0
    report = propload.ingest([*bad, *good], to=database, table="homes")
    assert (report.counts.inserted, report.counts.rejected) == (2, 2)


@pytest.mark.parametrize(
    ("definition", "values"),
    [
        ("char(5) CHECK (octet_length(v) = 5)", ["a", "bcdef"]),
        ("varchar(3) CHECK (octet_length(v) < 4)", ["abc  ", "a"]),
        ("varchar(3) REFERENCES words", ["abc  ", "a"]),
        ("text CHECK (t IS DISTINCT FROM NULL)", ["a", "b"]),
        ("text CHECK (tableoid > 0)", ["a", "b"]),
    ],
)
def test_check_rejects_no_value_that_the_load_accepts(database, definition, values):
    run_sql(
        database,
        "CREATE TABLE words (v varchar(3) PRIMARY KEY)",
        "INSERT INTO words VALUES ('abc'), ('a')",
        f"CREATE TABLE t (id int PRIMARY KEY, v {definition})",
        "INSERT INTO t VALUES (0)",
    )
    rows = [{"id": n, "v": v} for n, v in enumerate(values, start=1)]
    checked = propload.check(rows, to=database, table="t")
    assert (checked.problems, checked.rejected) == ((), 0)
    assert propload.ingest(rows, to=database, table="t").counts == checked.expected


def test_check_constraint_that_raises_does_not_end_the_check(database):
    run_sql(
        database,
        "CREATE FUNCTION valid(v text) RETURNS boolean LANGUAGE plpgsql AS "
        "'BEGIN IF v = ''bad'' THEN RAISE EXCEPTION ''% is bad'', v; END IF; "
        "RETURN true; END'",
        "CREATE TABLE t (id int PRIMARY KEY, v text CHECK (valid(v)))",
    )
    rows = [{"id": 1, "v": "good"}, {"id": 2, "v": "bad"}]
    assert propload.check(rows, to=database, table="t").problems == ()


def test_names_with_braces_appear_unchanged_in_a_reason(database):
    run_sql(
        database,
        'CREATE TABLE "t{}" (id int PRIMARY KEY, v int CONSTRAINT "c{}" CHECK (v > 0))',
    )
    checked = propload.check([{"id": 1, "v": -1}], to=database, table='"t{}"')
    (reason,) = checked.reasons
    assert reason.example == (
        'new row for relation "t{}" violates check constraint "c{}"'
    )


def test_not_valid_constraint_is_checked_for_new_rows(database):
    run_sql(
        database,
        "CREATE TABLE towns (name text PRIMARY KEY)",
        "CREATE TABLE t (id int PRIMARY KEY, v int, town text, w text)",
        "INSERT INTO t VALUES (1, -1, 'Oz', 'a'), (2, 1, 'Oz', 'a')",
        "ALTER TABLE t ADD CONSTRAINT above CHECK (v > 0) NOT VALID",
        "ALTER TABLE t ADD FOREIGN KEY (town) REFERENCES towns NOT VALID",
    )
    # a stored row may keep the town that it has, but no value that a check refuses
    rows = [
        {"id": 1, "v": -1, "town": "Oz", "w": "b"},
        {"id": 2, "v": 1, "town": "Oz", "w": "b"},
        {"id": 3, "v": -1, "town": None, "w": "b"},
    ]
    checked = propload.check(rows, to=database, table="t")
    assert [(each.check, each.rows) for each in checked.reasons] == [("above", 2)]
    assert propload.ingest(rows, to=database, table="t").counts == checked.expected


def test_note_says_that_a_trigger_prevents_checking_constraints(database):
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int CHECK (price > 0))",
        "CREATE FUNCTION mend() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN new.price := abs(new.price); RETURN new; END'",
        "CREATE TRIGGER mend BEFORE INSERT ON homes "
        "FOR EACH ROW EXECUTE FUNCTION mend()",
    )
    rows = [{"id": 1, "price": -1}, {"id": 2, "price": 0}]
    checked = propload.check(rows, to=database, table="homes")
    assert checked.rejected == 0
    (note,) = checked.notes
    assert "a trigger of public.homes" in note
    assert "constraints were not checked" in note
    assert propload.ingest(rows, to=database, table="homes").counts.rejected == 1


@pytest.mark.parametrize("newest", [None, "seen"])
def test_constraints_are_checked_on_rows_merged_with_stored_values(database, newest):
    run_sql(
        database,
        "CREATE TABLE towns (name text PRIMARY KEY)",
        "INSERT INTO towns VALUES ('Ede'), ('Epe')",
        "CREATE TABLE homes (id int PRIMARY KEY, price int CHECK (price > rooms), "
        "rooms int NOT NULL, town text REFERENCES towns, code int UNIQUE, seen int)",
        "INSERT INTO homes SELECT n, 100, 3, 'Ede', n, 1 FROM generate_series(1, 9) n",
    )
    columns = ("id", "price", "rooms", "town", "code", "seen")
    rows = [
        (1, None, 200, None, None, 2),
        (2, 2, None, None, None, 2),
        (3, None, None, "Ur", None, 2),
        (4, None, None, None, 9, 2),
        # accepted: thanks to stored values, or because nothing is changed
        (5, 4, None, None, None, 2),
        (6, None, 99, "Epe", None, 2),
        (7, None, None, None, None, 1),
    ]
    settings = {"to": database, "table": "homes", "on_null": "keep", "newest": newest}
    source = [dict(zip(columns, row, strict=True)) for row in rows]
    checked = propload.check(source, key="id", **settings)
    loaded = propload.ingest(source, key="id", **settings)
    assert checked.expected == loaded.counts
    assert (loaded.counts.rejected, loaded.counts.updated) == (4, 2)
    reasons = loaded.reasons.select("column", "check", "rows").rows()
    assert {(one.column, one.check, one.rows) for one in checked.reasons} == set(
        reasons
    )
