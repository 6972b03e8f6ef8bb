"""Mappings work on the way into a table as the documentation says."""

import datetime as dt
import json

import polars as pl
import pytest

import propload
from propload.batch import Sifted, no_reasons
from propload.postgres.session.connection import connect
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
def settings(database, tmp_path):
    (tmp_path / "homes.toml").write_text(MAPPING, encoding="utf-8")
    mapping = str(tmp_path / "homes.toml")
    return {"to": database, "table": "homes", "key": "url", "mapping": mapping}


def write_homes(folder, rows):
    path = folder / "homes.csv"
    path.write_text(rows, encoding="utf-8")
    return str(path)


def test_unmapped_columns_take_the_types_of_the_table(database, tmp_path, settings):
    run_sql(
        database,
        """CREATE TABLE homes (url text PRIMARY KEY, price numeric(12,2),
           rooms int, seen date, note text)""",
    )
    source = write_homes(tmp_path, ROWS + "b,€ 5,three,2024-10-12,y\n")
    checked = propload.check(source, **settings)
    loaded = propload.ingest(source, **settings)
    assert checked.expected == loaded.counts
    assert loaded.reasons.select("column", "check").rows() == [("rooms", "cast")]
    [row] = read_table(database, "homes").rows()
    assert (row[0], float(row[1]), *row[2:]) == (
        "a",
        1250,
        3,
        dt.date(2024, 10, 11),
        "x",
    )


def test_unmapped_columns_of_a_new_table_get_types_as_without_a_mapping(
    database, tmp_path, settings
):
    good = write_homes(tmp_path, ROWS)
    checked = propload.check(good, **settings)
    types = {one.column: (one.type, one.table_type) for one in checked.columns}
    assert types["price"] == ("numeric(18,2)", "numeric(18,2)")
    assert (types["rooms"], types["seen"]) == (("bigint",) * 2, ("date",) * 2)
    assert (types["url"], types["note"]) == (("text",) * 2,) * 2
    asked = ROWS.replace("note", "asked").replace(",x", ',"€ 1.250"')
    [hint] = propload.check(write_homes(tmp_path, asked), **settings).notes
    assert "asked" in hint
    good = write_homes(tmp_path, ROWS)
    propload.ingest(good, **settings)
    source = write_homes(tmp_path, ROWS + "b,€ 5,three,2024-10-12,y\n")
    later = propload.ingest(source, **settings)
    assert (later.counts.unchanged, later.counts.rejected) == (1, 1)
    stored = read_table(database, "homes").select("rooms", "seen", "note").rows()
    assert stored == [(3, dt.date(2024, 10, 11), "x")]


def test_unmapped_object_of_json_becomes_jsonb_and_a_mapped_one_text(
    database, tmp_path
):
    path = tmp_path / "homes.ndjson"
    path.write_text('{"id": 1, "a": {"x": 1}, "b": {"x": 1}}\n', encoding="utf-8")
    mapping = {"keep_others": True, "columns": {"id": {"parse": "integer"}, "a": "a"}}
    propload.ingest(path, to=database, table="homes", key="id", mapping=mapping)
    types = "SELECT pg_typeof(a)::text, pg_typeof(b)::text FROM homes"
    with connect(database) as session:
        assert session.rows(types) == [("text", "jsonb")]


def test_header_without_rows_creates_no_table_if_columns_are_unmapped(
    database, tmp_path, settings
):
    empty = write_homes(tmp_path, ROWS.partition("\n")[0] + "\n")
    report = propload.ingest(empty, **settings)
    assert report.counts.read == 0
    with connect(database) as session:
        assert session.value("SELECT to_regclass('homes')") is None


def test_check_names_types_alike_before_and_after_a_load(database, tmp_path):
    path = write_homes(tmp_path, "id,price,at\n1,5,2024-10-11 10:00:00\n")
    settings = {"to": database, "table": "homes", "key": "id"}
    checked = propload.check(path, **settings)
    assert [(one.type, one.table_type) for one in checked.columns] == [
        ("bigint", "bigint"),
        ("bigint", "bigint"),
        ("timestamp without time zone",) * 2,
    ]
    propload.ingest(path, **settings)
    later = write_homes(tmp_path, "id,price,at\n2,x,soon\n")
    checked = propload.check(later, **settings)
    assert {one.example for one in checked.reasons} == {
        "column price: 'x' cannot be stored exactly as bigint",
        "column at: 'soon' cannot be stored exactly as timestamp without time zone",
    }


class Filtering:
    """A user's mapping that leaves rows out without giving reasons."""

    def apply(self, frame, _context, /):
        return Sifted(frame.filter(pl.col("id") > 2), no_reasons())


def test_mapping_that_drops_rows_without_a_reason_stops_the_run(database):
    frame = pl.DataFrame({"id": [1, 2, 3, 4]})
    settings = {"to": database, "table": "homes", "key": "id", "mapping": Filtering()}
    with pytest.raises(propload.LoadError, match="given 4 rows and returned 2"):
        propload.ingest(frame, **settings)
    with pytest.raises(propload.CountsError, match="given 4 rows and returned 2"):
        propload.check(frame, **settings)


def test_shared_metrics_add_up_while_each_report_counts_one_run(database):
    metrics = propload.Metrics()
    settings = {"to": database, "table": "homes", "key": "id", "metrics": metrics}
    propload.ingest([{"id": 1}, {"id": 2}, {"id": None}], **settings)
    report = propload.ingest([{"id": 3}], max_rejects=0, **settings)
    assert (report.counts.read, report.counts.inserted, report.batches) == (1, 1, 1)
    assert metrics.snapshot().counts.read == 4


@pytest.mark.one_server
def test_expression_across_rows_is_refused_before_reading(database):
    mapping = {"id": pl.int_range(pl.len()), "v": pl.col("a")}
    settings = {"to": database, "table": "homes", "key": "id", "mapping": mapping}
    for load in (propload.ingest, propload.check):
        with pytest.raises(propload.ConfigError, match="column id: its expression"):
            load(pl.DataFrame({"a": [1, 2]}), **settings)


@pytest.mark.one_server
def test_json_numbers_mixed_with_texts_keep_their_value(database, tmp_path):
    mapping = '[columns]\nid = { from = "id", parse = "integer" }\nraw = "opp"\n'
    mapping += 'opp = { from = "opp", parse = "area" }\n'
    (tmp_path / "a.toml").write_text(mapping, encoding="utf-8")
    source = tmp_path / "a.ndjson"
    values = ["12.125", '"45 m²"', '"45.500"', "33.25"]
    rows = [f'{{"id": {place}, "opp": {one}}}\n' for place, one in enumerate(values)]
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
def test_note_on_a_missing_source_column_suggests_the_nearest_name(
    database, tmp_path, settings
):
    source = write_homes(tmp_path, ROWS.replace("Vraagprijs", "Vraagprijzen"))
    checked = propload.check(source, **settings)
    loaded = propload.ingest(source, **settings)
    # beside it, check hints at what could read the price that is kept as text
    assert checked.notes[1:] == loaded.notes
    [note] = loaded.notes
    assert "homes.toml finds no column for price (from Vraagprijs;" in note
    assert "did you mean 'Vraagprijzen'?" in note


HOMES = """\
{"id": 1, "address": {"city": "Ede", "geo": {"lat": 52.04}}, "photos": [{"url": "a"}]}
{"id": 2, "address": {"city": "Epe"}, "photos": []}
{"id": 3, "address": {"city": 7, "geo": {"lat": "north"}}, "photos": null}
"""
PATHS = {
    "id": {"parse": "integer"},
    "city": {"from": "address", "path": "city"},
    "lat": {"from": "address", "path": "geo.lat", "parse": "number"},
    "photo": {"from": "photos", "path": "0.url"},
    "street": {"from": "address", "path": "streat"},
}


@pytest.mark.parametrize("batch_rows", [1, 1000])
@pytest.mark.parametrize("kind", ["lines", "dicts", "csv"])
def test_values_within_json_are_loaded(database, tmp_path, kind, batch_rows):
    rows = [json.loads(line) for line in HOMES.splitlines()]
    source = rows
    if kind == "lines":
        source = tmp_path / "homes.ndjson"
        source.write_text(HOMES, encoding="utf-8")
    elif kind == "csv":
        source = tmp_path / "homes.csv"
        nested = ({n: json.dumps(v) for n, v in row.items()} for row in rows)
        pl.DataFrame(list(nested)).write_csv(source)
    settings = {"mapping": PATHS, "table": "homes", "key": "id", "to": database}
    checked = propload.check(source, batch_rows=batch_rows, **settings)
    loaded = propload.ingest(source, batch_rows=batch_rows, **settings)
    assert checked.rejected == loaded.counts.rejected == 1
    stored = read_table(database, "homes").select("id", "city", "lat", "photo").rows()
    assert stored == [(1, "Ede", 52.04, "a"), (2, "Epe", None, None)]
    [reason] = loaded.reasons.to_dicts()
    assert (reason["column"], reason["check"]) == ("lat", "number")
    for notes in (checked.notes, loaded.notes):
        [note] = [note for note in notes if "address.streat" in note]
        assert "address has city, geo" in note
