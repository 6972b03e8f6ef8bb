"""Files with a header and no row."""

import pandera.polars as pa
import polars as pl
import pytest

import propload
from propload.errors import ConfigError
from propload.postgres.session.connection import connect
from tests.integration.bad_input.homes import GOOD, stored

pytestmark = pytest.mark.timeout(120)


def tables_named_homes(database):
    with connect(database) as session:
        return session.rows("SELECT relname FROM pg_class WHERE relname = 'homes'")


def test_header_alone_creates_no_table(load, write, database):
    path = write("id,price\n")
    report = load(path)
    assert report.counts.read == 0
    assert "(id, price) but no row to detect the types" in report.notes[0]
    assert "homes was not created" in report.notes[0]
    assert tables_named_homes(database) == []
    arguments = {"to": database, "table": "homes", "key": "id"}
    assert propload.check(path, **arguments).notes == report.notes
    with pytest.raises(ConfigError, match="column nr is needed"):
        load(path, key="nr")


def test_header_alone_leaves_an_existing_table_as_it_is(load, write, database):
    load(write(GOOD))
    report = load(write("id,price\n", "none.csv"))
    assert (report.counts.read, report.notes) == (0, ())
    assert stored(database).height == 3


class Home(pa.DataFrameModel):
    id: int
    price: float


@pytest.mark.parametrize(
    "types",
    [
        {"schema": Home},
        {"mapping": {"id": {"from": "id", "parse": "integer"}}},
    ],
)
def test_header_alone_creates_a_table_if_its_types_are_given(
    load, write, database, types
):
    assert load(write("id,price\n"), **types).counts.read == 0
    assert stored(database).schema["id"] == pl.Int64


@pytest.mark.parametrize("batch_seconds", [0, 10])
def test_header_alone_does_not_decide_the_types_of_other_files(
    load, write, database, batch_seconds
):
    paths = [write("id,price\n", "a.csv"), write("id,price\n1\n", "b.csv")]
    report = load([*paths, write(GOOD, "c.csv")], batch_seconds=batch_seconds)
    assert (report.counts.inserted, report.counts.rejected) == (3, 1)
    assert report.notes == ()
    assert stored(database).schema["price"] == pl.Int64
    arguments = {"to": database, "table": "homes", "key": "id"}
    assert not propload.check([*paths, write(GOOD, "c.csv")], **arguments).notes
