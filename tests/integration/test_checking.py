"""What `check` says is what `ingest` then does, and the table is left alone."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import propload
from propload.postgres.session.connection import connect
from propload.postgres.session.dsn import parse_dsn
from propload.postgres.sql.screening import TELLS_VALIDITY
from tests.integration.reading import run_sql, writes_of

pytestmark = pytest.mark.timeout(180)

TABLE = (
    "CREATE TYPE kind AS ENUM ('house', 'villa')",
    "CREATE TABLE towns (name text PRIMARY KEY)",
    "INSERT INTO towns VALUES ('Ede'), ('Epe')",
    """CREATE TABLE homes (id int PRIMARY KEY, kind kind, price int CHECK (price > 0),
       town text NOT NULL REFERENCES towns, plot text UNIQUE, at date)""",
    """INSERT INTO homes VALUES (1, 'house', 100, 'Ede', 'a', '2026-01-02'),
       (2, 'villa', 200, 'Epe', 'b', '2026-01-02'), (3, NULL, 300, 'Ede', NULL, NULL)
    """,
)
NAMES = ("id", "kind", "price", "town", "plot", "at")
ROWS = st.tuples(
    st.integers(1, 6),
    st.sampled_from(["house", "villa", None]),
    st.sampled_from([100, 200, -1, None]),
    st.sampled_from(["Ede", "Epe", "Oz", None]),
    st.sampled_from(["a", None]),
    st.sampled_from(["2026-01-01", "2026-01-03", None]),
)
MODES = st.sampled_from(
    [
        {"mode": "upsert"},
        {"mode": "upsert", "newest": "at"},
        {"mode": "upsert", "newest": "at", "on_null": "keep"},
        {"mode": "insert-new"},
        {"mode": "replace"},
    ]
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(ROWS, min_size=1, max_size=8), MODES)
def test_a_load_does_what_the_check_said(database, rows, told):
    run_sql(
        database,
        "DROP TABLE IF EXISTS homes, towns CASCADE",
        "DROP TYPE IF EXISTS kind",
        *TABLE,
    )
    # a replace without a good row is no load
    rows = [*rows, (9, "house", 100, "Ede", None, None)]
    given_rows = [dict(zip(NAMES, row, strict=True)) for row in rows]
    # rows that contend for one unique value, the stored holder among them, are told by
    # the load alone
    holders = [row["id"] for row in given_rows if row["plot"] or row["id"] == 1]
    for row in given_rows:
        if row["id"] not in ([1] if 1 in holders else holders[:1]):
            row["plot"] = None
    told = {**told, "to": database, "table": "homes", "key": "id"}
    before = writes_of(database, "homes")
    said = propload.check(given_rows, **told)
    assert writes_of(database, "homes") == before
    assert said.problems == ()
    done = propload.ingest(given_rows, **told)
    if told.get("on_null") == "keep":
        # whether a stored row lends its value is known when it is written
        assert said.rejected <= done.counts.rejected
        return
    if said.expected is None:
        assert any("hangs on others of the same key" in note for note in said.notes)
        assert said.rejected <= done.counts.rejected
        return
    assert said.expected == done.counts
    # of a row with several faults either may name another one
    assert sum(reason.rows for reason in said.reasons) == done.counts.rejected


@pytest.mark.parametrize("on_null", ["keep", "overwrite"])
def test_what_a_domain_refuses_is_told(database, on_null):
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
    said = propload.check(rows, **told)
    done = propload.ingest(rows, **told)
    assert said.expected == done.counts
    assert done.counts.rejected == 2
    told = done.reasons.select("column", "check", "rows").rows()
    assert {(one.column, one.check, one.rows) for one in said.reasons} == set(told)


@pytest.mark.parametrize(("on_null", "refused"), [("keep", 0), ("overwrite", 1)])
def test_a_null_that_a_domain_refuses_is_told_unless_it_is_kept(
    database, on_null, refused
):
    run_sql(
        database,
        "CREATE DOMAIN named AS text NOT NULL",
        "CREATE TABLE homes (id bigint PRIMARY KEY, name named, rooms int)",
        "INSERT INTO homes VALUES (1, 'one', 3)",
    )
    rows = [{"id": 1, "name": None, "rooms": 4}, {"id": 2, "name": "two", "rooms": 5}]
    told = {"to": database, "table": "homes", "key": "id", "on_null": on_null}
    said = propload.check(rows, **told)
    assert said.rejected == refused
    assert said.expected == propload.ingest(rows, **told).counts


def test_the_reasons_are_those_of_the_load(database):
    run_sql(database, *TABLE)
    good = {"id": 5, "kind": "villa", "price": 1, "town": "Ede", "plot": None}
    rows = [
        good,
        {**good, "id": 6, "price": -1},
        {**good, "id": 7, "town": None},
        {**good, "id": 8, "town": "Oz"},
        {**good, "id": 9, "plot": "a"},
    ]
    said = propload.check(rows, to=database, table="homes")
    done = propload.ingest(rows, to=database, table="homes")
    told = done.reasons.select("column", "check", "rows").rows()
    assert {(one.column, one.check, one.rows) for one in said.reasons} == set(told)
    assert len(told) == 4


def test_a_replace_is_not_judged_by_the_rows_that_it_replaces(database):
    run_sql(database, *TABLE)
    row = {"id": 9, "kind": "villa", "price": 5, "town": "Ede", "plot": "a", "at": None}
    told = {"to": database, "table": "homes", "key": "id"}
    assert propload.check([row], **told).rejected == 1
    assert propload.check([row], **told, mode="replace").expected.inserted == 1
    row["price"] = -1
    [problem] = propload.check([row], **told, mode="replace").problems
    with pytest.raises(propload.LoadError, match=problem):
        propload.ingest([row], **told, mode="replace")


def test_values_that_copy_refuses_are_told_one_by_one(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, name varchar(3))")
    rows = [
        {"id": 1, "name": "a\0b"},
        {"id": 2, "name": "Ede"},
        {"id": 3, "name": "Utrecht"},
    ]
    said = propload.check(rows, to=database, table="homes")
    done = propload.ingest(rows, to=database, table="homes")
    assert said.expected == done.counts
    assert (said.rejected, said.expected.inserted) == (2, 1)


def test_rows_that_are_refused_only_together_end_the_check(database, monkeypatch):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, name text)")
    monkeypatch.setattr("propload.postgres.rehearsing.uncopied", lambda *_: [])
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


@pytest.fixture
def role(database):
    """Make a user of few rights. Value: its name, which is where it connects."""
    name = f"checker_{os.getpid()}"
    run_sql(database, f"CREATE ROLE {name} LOGIN")
    try:
        yield name
    finally:
        run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def login(database, role):
    return f"{database}{'&' if '?' in database else '?'}user={role}"


def test_who_may_not_make_temporary_tables_is_told_so(database, role):
    name = parse_dsn(database)["dbname"]
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY)",
        f"GRANT SELECT, INSERT, UPDATE ON homes TO {role}",
        f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
    )
    try:
        said = propload.check([{"id": 1}], to=login(database, role), table="homes")
    finally:
        run_sql(database, f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC")
    assert (said.problems, said.expected) == ((), None)
    assert ["GRANT TEMPORARY" in note for note in said.notes] == [True]


@pytest.mark.parametrize(
    ("pg_type", "good", "bad"),
    [
        ("money", ["5.00", " -3 ", "1.500"], ["$5.00", "1,234.50", "1.005", "1e3"]),
        ("numeric(50,2)", ["1.50", "1e3"], ["1.5e-3", "1e60"]),
        ("interval(0)", ["2 days"], ["1500 milliseconds", "soon"]),
        ("name", ["x"], ["x" * 70]),
        ('"char"', ["a"], ["ab"]),
    ],
)
def test_texts_that_a_cast_would_change_are_told_by_both(database, pg_type, good, bad):
    run_sql(database, f"CREATE TABLE homes (id int PRIMARY KEY, fee {pg_type})")
    rows = [{"id": place, "fee": fee} for place, fee in enumerate([*good, *bad])]
    said = propload.check(rows, to=database, table="homes")
    assert writes_of(database, "homes") == []
    done = propload.ingest(rows, to=database, table="homes")
    assert (done.counts.inserted, done.counts.rejected) == (len(good), len(bad))
    with connect(database) as session:
        tells = session.server_version >= TELLS_VALIDITY
    if tells:
        assert said.expected == done.counts


def test_a_parent_row_that_the_user_does_not_see_refuses_nothing(database, role):
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
    given = {"to": login(database, role), "table": "homes"}
    rows = [{"id": 1, "town": "Ede"}, {"id": 2, "town": "Epe"}]
    assert propload.check(rows, **given).rejected == 0
    bad = [{"id": 3, "town": "Oz"}, {"id": 4, "town": "Ur"}]
    report = propload.ingest([*bad, *rows], **given)
    assert (report.counts.inserted, report.counts.rejected) == (2, 2)


def test_a_period_that_parents_cover_refuses_nothing(database, needs):
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
def test_a_check_refuses_nothing_that_a_load_takes(database, definition, values):
    run_sql(
        database,
        "CREATE TABLE words (v varchar(3) PRIMARY KEY)",
        "INSERT INTO words VALUES ('abc'), ('a')",
        f"CREATE TABLE t (id int PRIMARY KEY, v {definition})",
        "INSERT INTO t VALUES (0)",
    )
    rows = [{"id": n, "v": v} for n, v in enumerate(values, start=1)]
    said = propload.check(rows, to=database, table="t")
    assert (said.problems, said.rejected) == ((), 0)
    assert propload.ingest(rows, to=database, table="t").counts == said.expected


def test_a_check_that_raises_ends_nothing(database):
    run_sql(
        database,
        "CREATE FUNCTION valid(v text) RETURNS boolean LANGUAGE plpgsql AS "
        "'BEGIN IF v = ''bad'' THEN RAISE EXCEPTION ''% is bad'', v; END IF; "
        "RETURN true; END'",
        "CREATE TABLE t (id int PRIMARY KEY, v text CHECK (valid(v)))",
    )
    rows = [{"id": 1, "v": "good"}, {"id": 2, "v": "bad"}]
    assert propload.check(rows, to=database, table="t").problems == ()


def test_names_in_a_reason_are_told_as_they_are(database):
    run_sql(
        database,
        'CREATE TABLE "t{}" (id int PRIMARY KEY, v int CONSTRAINT "c{}" CHECK (v > 0))',
    )
    said = propload.check([{"id": 1, "v": -1}], to=database, table='"t{}"')
    (reason,) = said.reasons
    assert reason.example == (
        'new row for relation "t{}" violates check constraint "c{}"'
    )


def test_a_constraint_that_is_not_valid_yet_holds_for_new_rows(database):
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
    said = propload.check(rows, to=database, table="t")
    assert [(each.check, each.rows) for each in said.reasons] == [("above", 2)]
    assert propload.ingest(rows, to=database, table="t").counts == said.expected


@pytest.mark.one_server
@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize(
    ("text", "nulls", "candidates"),
    [
        ("id,b\n1,a\n,b\n3,c\n", 1, ("b",)),
        ("id,b\n1,a\n,a\n3,c\n", 1, ()),
        ("id,b\n,a\n,b\n", 2, ("b",)),
        ("id,b\n1,a\n2,b\n2,c\n", 0, ("b",)),
    ],
)
def test_rows_that_would_be_refused_count_for_nulls_and_candidates(
    database, tmp_path, made, text, nulls, candidates
):
    if made:
        run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, b text)")
    path = tmp_path / "homes.csv"
    path.write_text(text)
    for rules in ({"key": "id"}, {"mode": "append"}):
        said = propload.check(path, to=database, table="homes", **rules)
        assert said.columns[0].nulls == nulls
        assert said.candidates == candidates
