"""A bad value costs its row, whatever its error code; a broken table stops the load."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

AGREES = (
    "CREATE FUNCTION agrees(v text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN "
    "IF v = ''bad'' THEN RAISE ''no'' USING ERRCODE = ''XX000''; END IF; "
    "RETURN true; END'"
)
PICKY = (
    AGREES,
    "CREATE DOMAIN picky AS text CHECK (agrees(VALUE))",
    "CREATE TYPE pair AS (a picky)",
)
#: A valid and an invalid text of each type. These types report invalid text by codes
#: that stand for a wrong statement (42601, 42P01, 42704, 22023) or a fault (XX000).
TYPES = {
    "tsquery": ("a & b", "a b"),
    "jsonpath": ("$.a", "$["),
    "regclass": ("pg_class", "no_such"),
    "regtype": ("text", "no_such"),
    "regprocedure": ("now()", "no_such()"),
    "timetz": ("10:00+00", "10:00 No/Where"),
    "hstore": ("a=>1", "oops"),
    "ltree": ("a.b", "a b"),
    "tsquery[]": ("{a & b}", "{a b}"),
    "pair": ("(good)", "(bad)"),
}
#: A trigger function that fails for rows matching its argument, with an unrelated code.
FAIL = (
    "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
    "IF NEW.v ~ TG_ARGV[0] THEN PERFORM * FROM no_such_table; END IF; "
    "RETURN NEW; END$$"
)
TRIGGER = (
    "CREATE TRIGGER fail {when} INSERT OR UPDATE ON homes FOR EACH ROW "
    "EXECUTE FUNCTION fail('{which}')"
)


@pytest.fixture
def make_homes(database, needs):
    def make(column):
        for extension in {"hstore", "ltree"} & {column}:
            needs.extensions(extension)
            run_sql(database, f"CREATE EXTENSION {extension}")
        if column == "pair":
            run_sql(database, *PICKY)
        run_sql(database, f"CREATE TABLE homes (k bigint PRIMARY KEY, v {column})")

    return make


def stored(database):
    with connect(database) as session:
        return [k for (k,) in session.rows("SELECT k FROM homes ORDER BY k")]


@pytest.mark.parametrize("column", TYPES)
@pytest.mark.parametrize(
    ("bad", "mode"), [({7}, "upsert"), ({0, 1, 39}, "append"), ({*range(40)}, "upsert")]
)
def test_bad_value_costs_only_its_row_and_check_predicts_it(
    database, make_homes, column, bad, mode
):
    make_homes(column)
    good_text, bad_text = TYPES[column]
    rows = [{"k": n, "v": bad_text if n in bad else good_text} for n in range(40)]
    arguments = {"to": database, "table": "homes", "key": "k", "mode": mode}
    checked = propload.check(rows, **arguments)
    loaded = propload.ingest(rows, **arguments)
    assert loaded.counts.rejected == len(bad)
    assert loaded.counts.inserted == 40 - len(bad)
    assert stored(database) == [n for n in range(40) if n not in bad]
    assert checked.problems == ()
    assert checked.expected == loaded.counts
    reasons = [(one.column, one.check, one.rows) for one in checked.reasons]
    assert reasons == loaded.reasons.select("column", "check", "rows").rows()
    assert {(column, check) for column, check, _ in reasons} == {("v", "cast")}


@pytest.mark.parametrize("when", ["BEFORE", "AFTER"])
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(bad=st.sets(st.integers(20, 79), min_size=1), first=st.booleans())
def test_trigger_failing_for_some_rows_costs_only_those(database, when, bad, first):
    # a table that refuses all of the rows tried first is considered broken
    if first:
        bad = {n - 20 for n in bad if n < 35} or {0}
    run_sql(
        database,
        "DROP TABLE IF EXISTS homes",
        "DROP FUNCTION IF EXISTS fail()",
        "CREATE TABLE homes (k bigint PRIMARY KEY, v text)",
        FAIL,
        TRIGGER.format(when=when, which="bad"),
    )
    rows = [{"k": n, "v": "bad" if n in bad else "good"} for n in range(80)]
    report = propload.ingest(rows, to=database, table="homes")
    assert report.counts.rejected == len(bad)
    assert stored(database) == [n for n in range(80) if n not in bad]
    assert report.reasons["check"].to_list() == ["42P01"]


@pytest.mark.parametrize("when", ["BEFORE", "AFTER"])
@pytest.mark.parametrize("height", [1, 500])
@pytest.mark.parametrize("arguments", [{"key": "k"}, {"mode": "append"}])
def test_trigger_failing_for_all_rows_stops_the_load(database, when, height, arguments):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, v text)",
        FAIL,
        TRIGGER.format(when=when, which=""),
    )
    rows = [{"k": n, "v": "v"} for n in range(height)]
    with pytest.raises(propload.LoadError, match=r"no_such_table.* \[42P01\]"):
        propload.ingest(rows, to=database, table="homes", **arguments)
    assert stored(database) == []


def test_unchanged_rows_do_not_hide_a_broken_trigger(database):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, v text)",
        "INSERT INTO homes SELECT n, 'v' FROM generate_series(0, 99) AS n",
        FAIL,
        TRIGGER.format(when="BEFORE", which=""),
    )
    rows = [{"k": n, "v": "new" if n > 60 else "v"} for n in range(100)]
    with pytest.raises(propload.LoadError, match="no_such_table"):
        propload.ingest(rows, to=database, table="homes")


@pytest.mark.parametrize("height", [1, 50])
def test_type_that_refuses_every_value_stops_the_load(database, height):
    run_sql(
        database,
        "CREATE FUNCTION fits(v text) RETURNS boolean LANGUAGE plpgsql AS "
        "'BEGIN RETURN no_such_function(v); END'",
        "CREATE DOMAIN word AS tsquery CHECK (fits(VALUE::text))",
        "CREATE TABLE homes (k bigint PRIMARY KEY, v word)",
    )
    rows = [{"k": n, "v": "a"} for n in range(height)]
    with pytest.raises(propload.LoadError, match=r"no_such_function.* \[42883\]"):
        propload.ingest(rows, to=database, table="homes")


def test_table_that_refuses_all_inserts_stops_the_load(database):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, v uuid, w text)",
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        "RAISE 'closed' USING ERRCODE = '42501'; END$$",
        "CREATE TRIGGER lose BEFORE INSERT ON homes FOR EACH STATEMENT "
        "EXECUTE FUNCTION lose()",
    )
    with pytest.raises(propload.LoadError, match=r"closed \[42501\]"):
        propload.ingest([{"k": 1}], to=database, table="homes")


def test_rolled_back_updates_of_partitions_are_not_counted(database):
    # with a trigger, bad rows are found by trying runs of rows, which are rolled back
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int CHECK (price > 0)) "
        "PARTITION BY RANGE (id)",
        "CREATE TABLE near PARTITION OF homes FOR VALUES FROM (0) TO (1000)",
        "CREATE TABLE far PARTITION OF homes FOR VALUES FROM (1000) TO (9000)",
        "INSERT INTO homes SELECT id, 1 FROM generate_series(0, 8000, 2) AS id",
        "CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN new; END'",
        "CREATE TRIGGER same BEFORE INSERT OR UPDATE ON homes "
        "FOR EACH ROW EXECUTE FUNCTION same()",
    )
    rows = [{"id": n, "price": -1 if n % 500 == 1 else 2} for n in range(2_000)]
    counts = propload.ingest(rows, to=database, table="homes", key="id").counts
    assert (counts.inserted, counts.updated) == (996, 1_000)
    assert counts.rejected == 4
