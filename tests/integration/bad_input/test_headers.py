"""A header without a row."""

import pandera.polars as pa
import polars as pl
import pytest

import propload
from propload.errors import ConfigError
from propload.postgres.session.connection import connect
from tests.integration.bad_input.homes import GOOD, stored

pytestmark = pytest.mark.timeout(120)


def tables(database):
    with connect(database) as session:
        return session.rows("SELECT relname FROM pg_class WHERE relname = 'homes'")


def test_a_header_alone_makes_no_table(load, write, database):
    path = write("id,price\n")
    report = load(path)
    assert report.counts.read == 0
    assert "(id, price) but no row to detect the types" in report.notes[0]
    assert "homes was not created" in report.notes[0]
    assert tables(database) == []
    told = {"to": database, "table": "homes", "key": "id"}
    assert propload.check(path, **told).notes == report.notes
    with pytest.raises(ConfigError, match="column nr is needed"):
        load(path, key="nr")


def test_a_header_alone_is_no_load_into_a_table_that_is_there(load, write, database):
    load(write(GOOD))
    report = load(write("id,price\n", "none.csv"))
    assert (report.counts.read, report.notes) == (0, ())
    assert stored(database).height == 3


class Home(pa.DataFrameModel):
    id: int
    price: float


@pytest.mark.parametrize(
    "told",
    [
        {"schema": Home},
        {"mapping": {"id": {"from": "id", "parse": "integer"}}},
    ],
)
def test_a_header_alone_makes_a_table_whose_types_are_told(load, write, database, told):
    assert load(write("id,price\n"), **told).counts.read == 0
    assert stored(database).schema["id"] == pl.Int64


@pytest.mark.parametrize("batch_seconds", [0, 10])
def test_a_header_alone_decides_nothing_for_other_files(
    load, write, database, batch_seconds
):
    paths = [write("id,price\n", "a.csv"), write("id,price\n1\n", "b.csv")]
    report = load([*paths, write(GOOD, "c.csv")], batch_seconds=batch_seconds)
    assert (report.counts.inserted, report.counts.rejected) == (3, 1)
    assert report.notes == ()
    assert stored(database).schema["price"] == pl.Int64
    told = {"to": database, "table": "homes", "key": "id"}
    assert not propload.check([*paths, write(GOOD, "c.csv")], **told).notes
