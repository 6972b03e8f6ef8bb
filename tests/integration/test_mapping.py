"""Mappings on their way into a table, as the documentation tells it."""

import datetime as dt

import polars as pl
import pytest

import propload
from propload.batch import Sifted, no_reasons
from tests.integration.reading import read_table, run_sql

pytestmark = pytest.mark.timeout(180)

ROWS = "Link,Vraagprijs,rooms,seen,note\na,€ 1.250 k.k.,3,2024-10-11,x\n"
MAPPING = """
keep_others = true

[columns]
url = "Link"
price = { from = "Vraagprijs", parse = "money" }
"""


@pytest.fixture
def told(database, tmp_path):
    (tmp_path / "homes.toml").write_text(MAPPING, encoding="utf-8")
    mapping = str(tmp_path / "homes.toml")
    return {"to": database, "table": "homes", "key": "url", "mapping": mapping}


def homes(folder, rows):
    path = folder / "homes.csv"
    path.write_text(rows, encoding="utf-8")
    return str(path)


def test_other_columns_become_what_the_table_says(database, tmp_path, told):
    run_sql(
        database,
        """CREATE TABLE homes (url text PRIMARY KEY, price numeric(12,2),
           rooms int, seen date, note text)""",
    )
    source = homes(tmp_path, ROWS + "b,€ 5,three,2024-10-12,y\n")
    said = propload.check(source, **told)
    done = propload.ingest(source, **told)
    assert said.expected == done.counts
    assert done.reasons.select("column", "check").rows() == [("rooms", "cast")]
    [row] = read_table(database, "homes").rows()
    assert (row[0], float(row[1]), *row[2:]) == (
        "a",
        1250,
        3,
        dt.date(2024, 10, 11),
        "x",
    )


def test_other_columns_of_a_new_table_are_as_in_the_source(database, tmp_path, told):
    source = homes(tmp_path, ROWS)
    said = propload.check(source, **told)
    types = {one.column: (one.type, one.table_type) for one in said.columns}
    assert types["price"] == ("numeric(18,2)", "numeric(18,2)")
    assert types["rooms"] == types["seen"] == ("text", "text")
    propload.ingest(source, **told)
    found = read_table(database, "homes").select("rooms", "seen", "note").rows()
    assert found == [("3", "2024-10-11", "x")]


def test_check_and_load_call_types_by_one_name(database, tmp_path):
    path = homes(tmp_path, "id,price,at\n1,5,2024-10-11 10:00:00\n")
    told = {"to": database, "table": "homes", "key": "id"}
    said = propload.check(path, **told)
    assert [(one.type, one.table_type) for one in said.columns] == [
        ("bigint", "bigint"),
        ("bigint", "bigint"),
        ("timestamp without time zone",) * 2,
    ]
    propload.ingest(path, **told)
    later = homes(tmp_path, "id,price,at\n2,x,soon\n")
    said = propload.check(later, **told)
    assert {one.example for one in said.reasons} == {
        "column price: 'x' cannot be stored exactly as bigint",
        "column at: 'soon' cannot be stored exactly as timestamp without time zone",
    }


class Filtering:
    """A mapping of one's own that leaves rows out without a word."""

    def apply(self, frame, _context, /):
        return Sifted(frame.filter(pl.col("id") > 2), no_reasons())


def test_rows_that_a_mapping_leaves_out_without_a_reason_stop_the_run(database):
    given = pl.DataFrame({"id": [1, 2, 3, 4]})
    told = {"to": database, "table": "homes", "key": "id", "mapping": Filtering()}
    with pytest.raises(propload.LoadError, match="given 4 rows and returned 2"):
        propload.ingest(given, **told)
    with pytest.raises(propload.CountsError, match="given 4 rows and returned 2"):
        propload.check(given, **told)


def test_counters_of_two_runs_add_up_and_reports_are_of_one(database):
    metrics = propload.Metrics()
    told = {"to": database, "table": "homes", "key": "id", "metrics": metrics}
    propload.ingest([{"id": 1}, {"id": 2}, {"id": None}], **told)
    report = propload.ingest([{"id": 3}], max_rejects=0, **told)
    assert (report.counts.read, report.counts.inserted, report.batches) == (1, 1, 1)
    assert metrics.snapshot().counts.read == 4


@pytest.mark.one_server
def test_an_expression_over_rows_is_refused_before_a_row_is_read(database):
    mapping = {"id": pl.int_range(pl.len()), "v": pl.col("a")}
    told = {"to": database, "table": "homes", "key": "id", "mapping": mapping}
    for load in (propload.ingest, propload.check):
        with pytest.raises(propload.ConfigError, match="column id: its expression"):
            load(pl.DataFrame({"a": [1, 2]}), **told)


@pytest.mark.one_server
def test_numbers_among_texts_of_json_keep_their_value(database, tmp_path):
    mapping = '[columns]\nid = { from = "id", parse = "integer" }\nraw = "opp"\n'
    mapping += 'opp = { from = "opp", parse = "area" }\n'
    (tmp_path / "a.toml").write_text(mapping, encoding="utf-8")
    source = tmp_path / "a.ndjson"
    opp = ["12.125", '"45 m²"', '"45.500"', "33.25"]
    rows = [f'{{"id": {place}, "opp": {one}}}\n' for place, one in enumerate(opp)]
    source.write_text("".join(rows), encoding="utf-8")
    propload.ingest(
        str(source), to=database, table="a", key="id", mapping=str(tmp_path / "a.toml")
    )
    assert read_table(database, "a").sort("id").select("raw", "opp").rows() == [
        ("12.125", 12.125),
        ("45 m²", 45.0),
        ("45.500", 45500.0),
        ("33.25", 33.25),
    ]


@pytest.mark.one_server
def test_a_column_without_a_source_is_told_with_the_nearest_name(
    database, tmp_path, told
):
    source = homes(tmp_path, ROWS.replace("Vraagprijs", "Vraagprijzen"))
    said = propload.check(source, **told)
    done = propload.ingest(source, **told)
    assert said.notes == done.notes
    [note] = done.notes
    assert "homes.toml finds no column for price (from Vraagprijs;" in note
    assert "did you mean 'Vraagprijzen'?" in note
