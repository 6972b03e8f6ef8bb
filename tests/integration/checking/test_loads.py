"""What `check` predicts is what `ingest` then does, and the table is left alone."""

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
def test_load_does_what_the_check_predicted(database, rows, arguments):
    await_stages(database)
    run_sql(
        database,
        "DROP TABLE IF EXISTS homes, towns CASCADE",
        "DROP TYPE IF EXISTS kind",
        *TABLE,
    )
    # a replace needs a good row, or it does not take place
    rows = [*rows, (9, "house", 100, "Ede", None, None)]
    source = [dict(zip(NAMES, row, strict=True)) for row in rows]
    # which of several rows may hold a unique value, the stored holder among them, is
    # known to the load alone
    holders = [row["id"] for row in source if row["plot"] or row["id"] == 1]
    for row in source:
        if row["id"] not in ([1] if 1 in holders else holders[:1]):
            row["plot"] = None
    arguments = {**arguments, "to": database, "table": "homes", "key": "id"}
    before = writes_of(database, "homes")
    checked = propload.check(source, **arguments)
    assert writes_of(database, "homes") == before
    assert checked.problems == ()
    loaded = propload.ingest(source, **arguments)
    if arguments.get("on_null") == "keep":
        # whether a stored value fills a null is known only when the row is written
        assert checked.rejected <= loaded.counts.rejected
        return
    if checked.expected is None:
        assert any(
            "depends on other rows of the same key" in note for note in checked.notes
        )
        assert checked.rejected <= loaded.counts.rejected
        return
    assert checked.expected == loaded.counts
    # check and load may name different faults of a row that has several
    assert sum(reason.rows for reason in checked.reasons) == loaded.counts.rejected


def test_reasons_are_those_of_the_load(database):
    run_sql(database, *TABLE)
    good = {"id": 5, "kind": "villa", "price": 1, "town": "Ede", "plot": None}
    rows = [
        good,
        {**good, "id": 6, "price": -1},
        {**good, "id": 7, "town": None},
        {**good, "id": 8, "town": "Oz"},
        {**good, "id": 9, "plot": "a"},
    ]
    checked = propload.check(rows, to=database, table="homes")
    loaded = propload.ingest(rows, to=database, table="homes")
    reasons = loaded.reasons.select("column", "check", "rows").rows()
    assert {(one.column, one.check, one.rows) for one in checked.reasons} == set(
        reasons
    )
    assert len(reasons) == 4


def test_replace_is_not_checked_against_the_rows_it_replaces(database):
    run_sql(database, *TABLE)
    row = {"id": 9, "kind": "villa", "price": 5, "town": "Ede", "plot": "a", "at": None}
    arguments = {"to": database, "table": "homes", "key": "id"}
    assert propload.check([row], **arguments).rejected == 1
    checked = propload.check([row], **arguments, mode="replace")
    assert checked.expected.inserted == 1
    [(stored,)] = query(database, "SELECT count(*) FROM homes")
    assert checked.notes == (
        f"a replace deletes what public.homes holds now: {stored} rows",
    )
    row["price"] = -1
    [problem] = propload.check([row], **arguments, mode="replace").problems
    with pytest.raises(propload.LoadError, match=problem):
        propload.ingest([row], **arguments, mode="replace")


def test_check_of_a_replace_counts_old_rows_up_to_a_limit(database, monkeypatch):
    monkeypatch.setattr(swapping, "MOST_COUNTED", 2)
    arguments = {"to": database, "table": "homes", "key": "id", "mode": "replace"}
    notes = []
    for rows in range(4):
        run_sql(
            database,
            "DROP TABLE IF EXISTS homes",
            "CREATE TABLE homes (id bigint PRIMARY KEY)",
            f"INSERT INTO homes SELECT generate_series(1, {rows})",
        )
        notes += propload.check([{"id": 9}], **arguments).notes
    assert [one.partition(" now: ")[2] for one in notes] == [
        "1 row",
        "2 rows",
        "more than 2 rows",
    ]


def test_values_that_copy_refuses_are_rejected_one_by_one(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, name varchar(3))")
    rows = [
        {"id": 1, "name": "a\0b"},
        {"id": 2, "name": "Ede"},
        {"id": 3, "name": "Utrecht"},
    ]
    checked = propload.check(rows, to=database, table="homes")
    loaded = propload.ingest(rows, to=database, table="homes")
    assert checked.expected == loaded.counts
    assert (checked.rejected, checked.expected.inserted) == (2, 1)


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
def test_texts_that_a_cast_would_change_are_rejected_by_check_and_load(
    database, pg_type, good, bad
):
    run_sql(database, f"CREATE TABLE homes (id int PRIMARY KEY, fee {pg_type})")
    rows = [{"id": place, "fee": fee} for place, fee in enumerate([*good, *bad])]
    checked = propload.check(rows, to=database, table="homes")
    assert writes_of(database, "homes") == []
    loaded = propload.ingest(rows, to=database, table="homes")
    assert (loaded.counts.inserted, loaded.counts.rejected) == (len(good), len(bad))
    with connect(database) as session:
        is_checked = session.server_version >= INPUT_VALIDITY_VERSION
    if is_checked:
        assert checked.expected == loaded.counts


@pytest.mark.one_server
@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize(
    ("text", "nulls", "candidates"),
    [
        ("id,b\n1,a\n,b\n3,c\n", 1, ("b",)),
        ("id,b\n1,a\n,a\n3,c\n", 1, ()),
        ("id,b\n,a\n,b\n", 2, ("b",)),
        ("id,b\n1,a\n2,b\n2,c\n", 0, ("b",)),
    ],
)
def test_rejected_rows_count_for_nulls_and_key_candidates(
    database, tmp_path, exists, text, nulls, candidates
):
    if exists:
        run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, b text)")
    path = tmp_path / "homes.csv"
    path.write_text(text)
    for rules in ({"key": "id"}, {"mode": "append"}):
        checked = propload.check(path, to=database, table="homes", **rules)
        assert checked.columns[0].nulls == nulls
        assert checked.candidates == candidates
