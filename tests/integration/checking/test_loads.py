"""What `check` says is what `ingest` then does, and the table is left alone."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import propload
from propload.postgres.session.connection import connect
from propload.postgres.sql import swapping
from propload.postgres.sql.screening import INPUT_VALIDITY_VERSION
from tests.integration.reading import await_stages, query, run_sql, writes_of

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
    await_stages(database)
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
        assert any(
            "depends on other rows of the same key" in note for note in said.notes
        )
        assert said.rejected <= done.counts.rejected
        return
    assert said.expected == done.counts
    # of a row with several faults either may name another one
    assert sum(reason.rows for reason in said.reasons) == done.counts.rejected


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
    said = propload.check([row], **told, mode="replace")
    assert said.expected.inserted == 1
    [(stored,)] = query(database, "SELECT count(*) FROM homes")
    assert said.notes == (
        f"a replace deletes what public.homes holds now: {stored} rows",
    )
    row["price"] = -1
    [problem] = propload.check([row], **told, mode="replace").problems
    with pytest.raises(propload.LoadError, match=problem):
        propload.ingest([row], **told, mode="replace")


def test_of_many_rows_a_replace_says_that_they_are_many(database, monkeypatch):
    monkeypatch.setattr(swapping, "MOST_COUNTED", 2)
    told = {"to": database, "table": "homes", "key": "id", "mode": "replace"}
    held = []
    for rows in range(4):
        run_sql(
            database,
            "DROP TABLE IF EXISTS homes",
            "CREATE TABLE homes (id bigint PRIMARY KEY)",
            f"INSERT INTO homes SELECT generate_series(1, {rows})",
        )
        held += propload.check([{"id": 9}], **told).notes
    assert [one.partition(" now: ")[2] for one in held] == [
        "1 row",
        "2 rows",
        "more than 2 rows",
    ]


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
        tells = session.server_version >= INPUT_VALIDITY_VERSION
    if tells:
        assert said.expected == done.counts


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
