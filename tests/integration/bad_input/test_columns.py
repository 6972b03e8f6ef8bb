"""Too many columns, and columns whose names cannot be used."""

import polars as pl
import pytest

import propload
from propload.batch import ORDINAL, OWN_NAMES
from propload.errors import LoadError
from tests.integration.bad_input.homes import stored
from tests.integration.reading import read_table

pytestmark = pytest.mark.timeout(120)


def test_two_columns_of_the_same_name_are_refused(load, write):
    with pytest.raises(LoadError, match="several columns named 'price'") as caught:
        load(write("id,price,price\n1,2,3\n"))
    assert caught.value.exit_code == 4


def test_more_columns_than_postgresql_allows_are_refused(load, write):
    names = ["id", *(f"c{n}" for n in range(1999))]
    text = ",".join(names) + "\n" + ",".join(["1"] * 2000) + "\n"
    with pytest.raises(
        LoadError,
        match=r"public\.\S+ cannot be created: 2,000 columns .* 1,600 .*--mapping",
    ):
        load(write(text))


def test_one_thousand_columns_load(load, write, database):
    names = ["id", *(f"c{n}" for n in range(999))]
    text = ",".join(names) + "\n" + ",".join(["1"] * 1000) + "\n"
    assert load(write(text)).counts.inserted == 1
    assert stored(database).width == 1000


def test_names_with_quotes_semicolons_and_reserved_words_load(load, write, database):
    odd = ['se"lect', "or der; DROP TABLE x", "user", "naïve Straße", "a'b"]
    frame = pl.DataFrame({name: [1, 2] for name in odd})
    table = '"public"."ta""ble; --"'
    load(frame, table=table, key=[odd[0]])
    report = load(frame.with_columns(user=9), table=table, key=[odd[0]])
    assert report.counts.updated == 2
    with_quotes = read_table(database, 'ta""ble; --')
    assert with_quotes.columns == odd
    assert with_quotes["user"].to_list() == [9, 9]


@pytest.mark.parametrize("name", sorted(OWN_NAMES))
def test_column_name_reserved_by_propload_is_refused(load, write, database, name):
    path = write(f"id,{name}\n1,2\n")
    with pytest.raises(LoadError, match=f"{name} (has a name|is) reserved by propload"):
        load(path)
    report = propload.check(path, to=database, table="homes", key="id")
    assert any("reserved by propload" in each for each in report.problems)


def test_corrected_rejects_load_once_their_propload_columns_are_dropped(load):
    rows = [{"id": 1, "price": 1}, {"id": None, "price": 2}]
    bad = load(rows).rejects.to_pandas()
    bad["id"] = 2
    with pytest.raises(LoadError, match=r"report\.rejects that begin with propload_"):
        load(bad)
    read_columns = [name for name in bad if not name.startswith("propload_")]
    assert load(bad[read_columns]).counts.inserted == 1


def test_mapping_to_a_name_reserved_by_propload_is_refused(load, write):
    mapping = {"columns": {"id": "id", ORDINAL: "id"}}
    with pytest.raises(
        LoadError, match=f"{ORDINAL} (has a name|is) reserved by propload"
    ):
        load(write("id\n1\n"), mapping=mapping)


@pytest.mark.parametrize("name", ["*", "^p.*$"])
def test_column_name_that_looks_like_a_pattern_is_refused(load, write, database, name):
    with pytest.raises(LoadError, match=r"looks like a pattern") as caught:
        load(write(f"id,{name},price\n1,2,3\n"))
    assert repr(name) in str(caught.value)
    assert caught.value.report.counts.inserted == 0
    report = propload.check(
        write(f"id,{name},price\n1,2,3\n"), to=database, table="homes", key="id"
    )
    assert any("pattern" in each for each in report.problems)


@pytest.mark.one_server
@pytest.mark.parametrize("call", [propload.ingest, propload.check])
def test_rows_without_columns_are_refused(database, call):
    columnless = pl.DataFrame({"id": [1, 2]}).to_arrow().select([])
    with pytest.raises(propload.PropLoadError, match="2 rows have no columns"):
        call(columnless, to=database, table="t", key="id")
