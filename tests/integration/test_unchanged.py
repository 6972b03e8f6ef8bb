"""Values that are stored already are not written again, whatever their type."""

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
def test_second_load_writes_nothing(database, column, value, on_null):
    run_sql(
        database,
        "CREATE TYPE pair AS (a numeric(10,2), b text)",
        "CREATE TYPE noted AS (a numeric(10,2), b json)",
        "CREATE DOMAIN short AS varchar(3)",
        f"CREATE TABLE homes (k bigint PRIMARY KEY, v {column}, w text)",
    )
    settings = {"to": database, "table": "homes", "on_null": on_null}
    rows = [{"k": 1, "v": value, "w": "x"}]
    assert propload.ingest(rows, **settings).counts.inserted == 1
    before = writes_of(database, "homes")
    again = propload.ingest(rows, **settings).counts
    assert (again.unchanged, again.updated) == (1, 0)
    assert writes_of(database, "homes") == before


#: Values that are equal to their type although they are not identical.
EQUAL_VALUES = {
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
@pytest.mark.parametrize("column", EQUAL_VALUES)
def test_equal_values_that_are_not_identical_are_distinguished(
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
    rows = [{"k": 1, "v": text, "at": n} for n, text in enumerate(EQUAL_VALUES[column])]
    settings = {"to": database, "table": "homes", "newest": newest}
    propload.ingest(rows, batch_rows=batch_rows, **settings)
    with connect(database) as session:
        [(stored,)] = session.rows("SELECT v::text FROM homes")
        texts = [
            session.value(f"SELECT ('{text}'::{column})::text")
            for text in EQUAL_VALUES[column]
        ]
    # if two ages are equal, the greater text wins
    assert stored == (max(texts) if newest == "v" else texts[1])
    before = writes_of(database, "homes")
    again = propload.ingest(rows, batch_rows=1_000, **settings).counts
    assert (again.updated, again.inserted) == (0, 0)
    assert writes_of(database, "homes") == before


def test_key_with_trailing_blanks_that_are_cut_is_found_again(database):
    run_sql(database, "CREATE TABLE homes (k varchar(3) PRIMARY KEY, v bigint)")
    rows = [{"k": "abc  ", "v": 1}, {"k": "abc", "v": 2}, {"k": "d    ", "v": 3}]
    settings = {"to": database, "table": "homes"}
    first = propload.ingest(rows, **settings).counts
    assert (first.inserted, first.duplicates, first.rejected) == (2, 1, 0)
    before = writes_of(database, "homes")
    assert propload.ingest(rows, **settings).counts.unchanged == 2
    assert writes_of(database, "homes") == before
    with connect(database) as session:
        assert session.rows("SELECT * FROM homes ORDER BY k") == [
            ("abc", 2),
            ("d  ", 3),
        ]


def test_array_elements_that_are_too_long_cost_only_their_row(database):
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


def test_composite_value_with_a_null_field_is_not_a_null_to_on_null(database):
    run_sql(
        database,
        "CREATE TYPE pair AS (a bigint, b text)",
        "CREATE TABLE homes (k bigint PRIMARY KEY, v pair)",
        "INSERT INTO homes VALUES (1, NULL)",
    )
    settings = {"to": database, "table": "homes", "on_null": "keep"}
    report = propload.ingest([{"k": 1, "v": "(,y)"}], **settings)
    assert report.counts.updated == 1
    with connect(database) as session:
        assert session.rows("SELECT v::text FROM homes") == [("(,y)",)]


def test_other_value_for_an_identity_column_is_no_change(database):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, "
        "n bigint GENERATED ALWAYS AS IDENTITY, w text)",
        "INSERT INTO homes (k, w) VALUES (1, 'x')",
    )
    settings = {"to": database, "table": "homes"}
    first = propload.ingest([{"k": 1, "n": 99, "w": "x"}], **settings).counts
    assert (first.unchanged, first.updated) == (1, 0)
    second = propload.ingest([{"k": 1, "n": 99, "w": "y"}], **settings).counts
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
def test_unchanged_file_is_compared_with_the_table_before_it_is_sent(
    database, tmp_path, caplog, pack
):
    # rows of fewer columns would be looked up
    more_columns = "".join(f",c{number}" for number in range(12))
    lines = [f"{number},Straat {number}{more_columns}\n" for number in range(5_000)]
    path = tmp_path / "homes.csv"
    path.write_bytes(pack("".join([f"k,street{more_columns}\n", *lines]).encode()))
    settings = {"to": database, "table": "homes", "key": "k"}
    assert propload.ingest(path, **settings).counts.inserted == 5_000
    before = writes_of(database, "homes")
    caplog.set_level(logging.INFO, "propload.postgres.writing")
    caplog.clear()
    assert propload.ingest(path, **settings).counts.unchanged == 5_000
    assert "rows are compared with its 5000" in caplog.text
    assert writes_of(database, "homes") == before
