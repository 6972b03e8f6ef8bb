"""`check` predicts what a load does with a table that does not exist yet."""

import polars as pl
import pytest

import propload
from propload.errors import LoadError
from propload.postgres.database import Database
from tests.integration.reading import run_sql

pytestmark = [pytest.mark.timeout(180), pytest.mark.one_server]

NANOSECONDS = pl.Series("at", [1, 1000]).cast(pl.Datetime("ns"))
SOURCES = {
    "nanoseconds": pl.DataFrame([pl.Series("id", [1, 2]), NANOSECONDS]),
    "a NUL in a text": [{"id": 1, "x": "a\0b"}, {"id": 2, "x": "c"}],
    "a NUL in a list": [{"id": 1, "x": ["a\0b"]}, {"id": 2, "x": ["c"]}],
    "a NUL in JSON": [{"id": 1, "x": {"k": "a\0b"}}, {"id": 2, "x": {"k": "c"}}],
    "a key that repeats": [{"id": 1, "x": "x"}, {"id": 1, "x": "y"}],
}


def check_and_load(rows, database, **settings):
    settings = {"to": database, "table": "homes", "key": "id", **settings}
    checked = propload.check(rows, **settings)
    assert not checked.exists
    try:
        return checked, propload.ingest(rows, **settings)
    except LoadError as error:
        return checked, error.report


@pytest.mark.parametrize("rows", SOURCES.values(), ids=SOURCES)
def test_rows_that_the_new_table_refuses_are_reported(database, rows):
    checked, loaded = check_and_load(rows, database)
    assert checked.problems == ()
    assert checked.rejected == loaded.counts.rejected
    assert {one.column for one in checked.reasons} == set(loaded.reasons["column"])


def test_check_works_whatever_temp_buffers_the_database_sets(database):
    run_sql(
        database,
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET temp_buffers = 1024', "
        "current_database()); END$$",
    )
    rows = SOURCES["a NUL in a text"]
    checked = propload.check(rows, to=database, table="homes", key="id")
    assert (checked.notes, checked.rejected) == ((), 1)


@pytest.fixture
def write_files(tmp_path):
    def write(*texts):
        paths = [tmp_path / f"{place}.csv" for place in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return [str(path) for path in paths]

    return write


@pytest.mark.parametrize(
    ("second", "settings", "stops"),
    [
        ("id,price\n3,100\n", {}, True),
        ("id,price\n3,100\n", {"on_new_columns": "add"}, False),
        ("id,price\n3,100\n", {"on_new_columns": "ignore"}, False),
        ("id\n3\n", {}, False),
        ("town,id\nEde,x\n", {}, False),
        ("town\nEde\n", {}, False),
    ],
)
def test_files_with_other_columns_end_as_the_check_predicted(
    database, write_files, second, settings, stops
):
    rows = write_files("id,town\n1,Ede\n2,Epe\n", second)
    checked, loaded = check_and_load(rows, database, **settings)
    assert bool(checked.problems) == stops
    assert (loaded.status == "failed") == stops
    for problem in checked.problems:
        assert problem in loaded.message
    if not stops:
        assert checked.rejected == loaded.counts.rejected


def test_column_type_of_the_first_file_applies_to_later_files(database, write_files):
    names = "id,price\n"
    # as a number, 05 would lose its zero
    second = "price,id\nmuch,2\n05,4\n"
    rows = write_files(names + "1,100\n", second, "id,price,at\n3,x,1\n")
    checked, loaded = check_and_load(rows, database, on_new_columns="add")
    assert checked.rejected == loaded.counts.rejected == 3
    types = {one.column: one.table_type for one in checked.columns}
    assert types == {"id": "bigint", "price": "bigint", "at": "bigint"}


@pytest.mark.parametrize("exists", [False, True])
def test_files_with_many_sets_of_columns_use_few_sessions(
    database, write_files, exists, monkeypatch
):
    names = [f"c{number}" for number in range(12)]
    if exists:
        columns = ", ".join(f"{name} bigint" for name in names)
        run_sql(database, f"CREATE TABLE homes (id bigint PRIMARY KEY, {columns})")
    open_sessions = []
    connect = Database.connect

    def connect_and_count(self):
        opened = connect(self)
        open_sessions.append(
            sum(not session.closed for session in self._sessions._sessions)
        )
        return opened

    monkeypatch.setattr(Database, "connect", connect_and_count)
    texts = [f"id,{name}\n{place},1\n" for place, name in enumerate(names)]
    settings = {"to": database, "table": "homes", "key": "id", "on_new_columns": "add"}
    # the first set of columns is repeated
    checked = propload.check(
        write_files(*texts, texts[0].replace("0,1", "99,1")), **settings
    )
    assert checked.problems == ()
    assert (checked.rows, checked.rejected) == (13, 0)
    assert max(open_sessions) < 10
