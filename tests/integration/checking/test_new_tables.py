"""What `check` says of a table that is still to be made is what its load then does."""

import polars as pl
import pytest

import propload
from propload.errors import LoadError
from propload.postgres.database import Database
from tests.integration.reading import run_sql

pytestmark = [pytest.mark.timeout(180), pytest.mark.one_server]

NANOSECONDS = pl.Series("at", [1, 1000]).cast(pl.Datetime("ns"))
MADE = {
    "nanoseconds": pl.DataFrame([pl.Series("id", [1, 2]), NANOSECONDS]),
    "a NUL in a text": [{"id": 1, "x": "a\0b"}, {"id": 2, "x": "c"}],
    "a NUL in a list": [{"id": 1, "x": ["a\0b"]}, {"id": 2, "x": ["c"]}],
    "a NUL in JSON": [{"id": 1, "x": {"k": "a\0b"}}, {"id": 2, "x": {"k": "c"}}],
    "a key that repeats": [{"id": 1, "x": "x"}, {"id": 1, "x": "y"}],
}


def load(rows, database, **told):
    told = {"to": database, "table": "homes", "key": "id", **told}
    said = propload.check(rows, **told)
    assert not said.exists
    try:
        return said, propload.ingest(rows, **told)
    except LoadError as error:
        return said, error.report


@pytest.mark.parametrize("rows", MADE.values(), ids=MADE)
def test_rows_that_the_new_table_refuses_are_told(database, rows):
    said, done = load(rows, database)
    assert said.problems == ()
    assert said.rejected == done.counts.rejected
    assert {one.column for one in said.reasons} == set(done.reasons["column"])


def test_the_server_is_asked_whatever_its_temporary_buffers_are(database):
    run_sql(
        database,
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET temp_buffers = 1024', "
        "current_database()); END$$",
    )
    rows = MADE["a NUL in a text"]
    said = propload.check(rows, to=database, table="homes", key="id")
    assert (said.notes, said.rejected) == ((), 1)


@pytest.fixture
def files(tmp_path):
    def write(*texts):
        paths = [tmp_path / f"{place}.csv" for place in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return [str(path) for path in paths]

    return write


@pytest.mark.parametrize(
    ("second", "told", "stops"),
    [
        ("id,price\n3,100\n", {}, True),
        ("id,price\n3,100\n", {"on_new_columns": "add"}, False),
        ("id,price\n3,100\n", {"on_new_columns": "ignore"}, False),
        ("id\n3\n", {}, False),
        ("town,id\nEde,x\n", {}, False),
        ("town\nEde\n", {}, False),
    ],
)
def test_files_of_other_columns_end_as_the_check_said(
    database, files, second, told, stops
):
    rows = files("id,town\n1,Ede\n2,Epe\n", second)
    said, done = load(rows, database, **told)
    assert bool(said.problems) == stops
    assert (done.status == "failed") == stops
    for problem in said.problems:
        assert problem in done.message
    if not stops:
        assert said.rejected == done.counts.rejected


def test_a_type_that_the_first_file_gave_holds_for_the_next(database, files):
    names = "id,price\n"
    # as a number, 05 would lose its zero
    second = "price,id\nmuch,2\n05,4\n"
    rows = files(names + "1,100\n", second, "id,price,at\n3,x,1\n")
    said, done = load(rows, database, on_new_columns="add")
    assert said.rejected == done.counts.rejected == 3
    types = {one.column: one.table_type for one in said.columns}
    assert types == {"id": "bigint", "price": "bigint", "at": "bigint"}


@pytest.mark.parametrize("is_there", [False, True])
def test_files_of_many_sets_of_columns_take_few_sessions(
    database, files, is_there, monkeypatch
):
    names = [f"c{number}" for number in range(12)]
    if is_there:
        columns = ", ".join(f"{name} bigint" for name in names)
        run_sql(database, f"CREATE TABLE homes (id bigint PRIMARY KEY, {columns})")
    most = []
    connect = Database.connect

    def counted(one):
        opened = connect(one)
        most.append(sum(not session.closed for session in one._sessions._sessions))
        return opened

    monkeypatch.setattr(Database, "connect", counted)
    texts = [f"id,{name}\n{place},1\n" for place, name in enumerate(names)]
    told = {"to": database, "table": "homes", "key": "id", "on_new_columns": "add"}
    # the first set of columns comes again
    said = propload.check(files(*texts, texts[0].replace("0,1", "99,1")), **told)
    assert said.problems == ()
    assert (said.rows, said.rejected) == (13, 0)
    assert max(most) < 10
