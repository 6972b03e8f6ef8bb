"""What is stored already is not written again, whatever its type."""

import gzip
import logging

import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql, writes_of

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("on_null", ["overwrite", "keep"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("bigint GENERATED ALWAYS AS IDENTITY", 7),
        ("pair", "(1.2,)"),
        ("pair", "(,)"),
        ("noted", '(1.20,"{""a"": 1}")'),
        ("numeric(10,2)[]", "{1.2,1}"),
        ("varchar(3)", "abc   "),
        ("varchar(3)", "a     "),
        ("short", "abc   "),
        ("varchar(3)[]", '{"abc   ",NULL,"a    "}'),
        ("varchar(3)[]", ["abc   ", None, "a    "]),
        ("char(3)[]", ["abc   ", "a"]),
    ],
)
def test_a_second_load_writes_nothing(database, column, value, on_null):
    run_sql(
        database,
        "CREATE TYPE pair AS (a numeric(10,2), b text)",
        "CREATE TYPE noted AS (a numeric(10,2), b json)",
        "CREATE DOMAIN short AS varchar(3)",
        f"CREATE TABLE homes (k bigint PRIMARY KEY, v {column}, w text)",
    )
    told = {"to": database, "table": "homes", "on_null": on_null}
    rows = [{"k": 1, "v": value, "w": "x"}]
    assert propload.ingest(rows, **told).counts.inserted == 1
    before = writes_of(database, "homes")
    again = propload.ingest(rows, **told).counts
    assert (again.unchanged, again.updated) == (1, 0)
    assert writes_of(database, "homes") == before


#: Values that their type holds equal although they are not the same.
EQUALS = {
    "interval": ("1 mon", "30 days"),
    "interval[]": ("{1 day}", "{24:00:00}"),
    "lasting": ("1 mon", "30 days"),
    "spell": ("(1 day,x)", "(24:00:00,x)"),
    "spell[]": ('{"(1 day,x)"}', '{"(24:00:00,x)"}'),
    "numrange": ("[1.0,2)", "[1.00,2)"),
    "citext": ("Ede", "EDE"),
    "citext[]": ("{Ede}", "{EDE}"),
}


@pytest.mark.parametrize("batch_rows", [1, 1_000])
@pytest.mark.parametrize("newest", [None, "at", "v"])
@pytest.mark.parametrize("column", EQUALS)
def test_equal_values_that_are_not_the_same_are_told_apart(
    database, needs, column, newest, batch_rows
):
    if column.startswith("citext"):
        needs.extensions("citext")
        run_sql(database, "CREATE EXTENSION citext")
    run_sql(
        database,
        "CREATE DOMAIN lasting AS interval",
        "CREATE TYPE spell AS (long interval, w text)",
        f"CREATE TABLE homes (k bigint PRIMARY KEY, v {column}, at bigint)",
    )
    rows = [{"k": 1, "v": text, "at": n} for n, text in enumerate(EQUALS[column])]
    told = {"to": database, "table": "homes", "newest": newest}
    propload.ingest(rows, batch_rows=batch_rows, **told)
    with connect(database) as session:
        [(found,)] = session.rows("SELECT v::text FROM homes")
        texts = [
            session.value(f"SELECT ('{text}'::{column})::text")
            for text in EQUALS[column]
        ]
    # of two ages that are equal the greater text wins
    assert found == (max(texts) if newest == "v" else texts[1])
    before = writes_of(database, "homes")
    again = propload.ingest(rows, batch_rows=1_000, **told).counts
    assert (again.updated, again.inserted) == (0, 0)
    assert writes_of(database, "homes") == before


def test_a_key_with_blanks_that_are_cut_is_found_again(database):
    run_sql(database, "CREATE TABLE homes (k varchar(3) PRIMARY KEY, v bigint)")
    rows = [{"k": "abc  ", "v": 1}, {"k": "abc", "v": 2}, {"k": "d    ", "v": 3}]
    told = {"to": database, "table": "homes"}
    first = propload.ingest(rows, **told).counts
    assert (first.inserted, first.duplicates, first.rejected) == (2, 1, 0)
    before = writes_of(database, "homes")
    assert propload.ingest(rows, **told).counts.unchanged == 2
    assert writes_of(database, "homes") == before
    with connect(database) as session:
        assert session.rows("SELECT * FROM homes ORDER BY k") == [
            ("abc", 2),
            ("d  ", 3),
        ]


def test_elements_that_are_too_long_cost_their_row(database):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, v varchar(3)[])",
        "INSERT INTO homes VALUES (1, '{abc}')",
    )
    rows = [{"k": 1, "v": ["abcd"]}, {"k": 2, "v": ["abc "]}]
    report = propload.ingest(rows, to=database, table="homes")
    assert (report.counts.inserted, report.counts.rejected) == (1, 1)
    with connect(database) as session:
        found = session.rows("SELECT v::text FROM homes ORDER BY k")
    assert found == [("{abc}",), ("{abc}",)]


def test_a_row_with_a_null_in_it_is_a_value_where_nulls_keep_what_is_known(database):
    run_sql(
        database,
        "CREATE TYPE pair AS (a bigint, b text)",
        "CREATE TABLE homes (k bigint PRIMARY KEY, v pair)",
        "INSERT INTO homes VALUES (1, NULL)",
    )
    told = {"to": database, "table": "homes", "on_null": "keep"}
    report = propload.ingest([{"k": 1, "v": "(,y)"}], **told)
    assert report.counts.updated == 1
    with connect(database) as session:
        assert session.rows("SELECT v::text FROM homes") == [("(,y)",)]


def test_an_identity_of_its_own_is_no_change(database):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, "
        "n bigint GENERATED ALWAYS AS IDENTITY, w text)",
        "INSERT INTO homes (k, w) VALUES (1, 'x')",
    )
    told = {"to": database, "table": "homes"}
    first = propload.ingest([{"k": 1, "n": 99, "w": "x"}], **told).counts
    assert (first.unchanged, first.updated) == (1, 0)
    second = propload.ingest([{"k": 1, "n": 99, "w": "y"}], **told).counts
    assert second.updated == 1


def test_lists_of_texts_become_arrays_of_times(database):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, d date[], m timestamptz[])",
    )
    days = ["2024-01-01", None, "2024-02-01"]
    rows = [
        {"k": 1, "d": days, "m": ["2024-01-01T10:00:00+02:00"]},
        {"k": 2, "d": ["never"], "m": None},
    ]
    report = propload.ingest(rows, to=database, table="homes")
    assert (report.counts.inserted, report.counts.rejected) == (1, 1)
    with connect(database) as session:
        [row] = session.rows("SELECT d::text, m::text FROM homes")
    assert row == ("{2024-01-01,NULL,2024-02-01}", '{"2024-01-01 08:00:00+00"}')


@pytest.mark.one_server
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_an_unchanged_file_is_compared_with_the_table_before_it_is_sent(
    database, tmp_path, caplog, pack
):
    # of fewer columns they would be looked up
    others = "".join(f",c{number}" for number in range(12))
    lines = [f"{number},Straat {number}{others}\n" for number in range(5_000)]
    path = tmp_path / "homes.csv"
    path.write_bytes(pack("".join([f"k,street{others}\n", *lines]).encode()))
    told = {"to": database, "table": "homes", "key": "k"}
    assert propload.ingest(path, **told).counts.inserted == 5_000
    before = writes_of(database, "homes")
    caplog.set_level(logging.INFO, "propload.postgres.writing")
    caplog.clear()
    assert propload.ingest(path, **told).counts.unchanged == 5_000
    assert "rows are compared with its 5000" in caplog.text
    assert writes_of(database, "homes") == before
