"""Objects and lists are stored by one rule, whatever source they come from."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

ROWS = [
    {"id": 1, "place": {"town": "Ede", "at": [1.5, 2.5]}, "tags": ["a", "b"]},
    {"id": 2, "place": {"town": "Epe", "at": []}, "tags": []},
    {"id": 3, "place": None, "tags": None},
]
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'rows'::regclass AND attnum > 0 AND NOT attisdropped
"""


@dataclasses.dataclass
class Place:
    town: str
    at: list[float]


@dataclasses.dataclass
class Row:
    id: int
    place: Place | None
    tags: list[str] | None


def as_dataclass(row):
    place = row["place"] and Place(**row["place"])
    return Row(row["id"], place, row["tags"])


def sources(folder):
    frame = pl.DataFrame(ROWS)
    frame.write_parquet(folder / "rows.parquet")
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (folder / "rows.ndjson").write_text(lines)
    (folder / "rows.json").write_text(json.dumps(ROWS))
    return {
        "parquet": folder / "rows.parquet",
        "ndjson": folder / "rows.ndjson",
        "json": folder / "rows.json",
        "dicts": ROWS,
        "generator": (row for row in ROWS),
        "dataclasses": [as_dataclass(row) for row in ROWS],
        "polars": frame,
        "pandas": pd.DataFrame(ROWS),
    }


def read_rows(dsn, sql):
    with connect(dsn) as session:
        return session.rows(sql)


@pytest.mark.parametrize(
    "form",
    [
        "parquet",
        "ndjson",
        "json",
        "dicts",
        "generator",
        "dataclasses",
        "polars",
        "pandas",
    ],
)
def test_objects_become_jsonb_and_lists_become_arrays(database, tmp_path, form):
    source = sources(tmp_path)[form]
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    if form != "generator":
        expected_types = {
            c.column: c.table_type for c in propload.check(source, **settings).columns
        }
        assert expected_types["place"] == "jsonb"
    report = propload.ingest(source, **settings)
    assert (report.counts.inserted, report.counts.rejected) == (3, 0)
    types = dict(read_rows(database, COLUMNS))
    assert types == {"id": "bigint", "place": "jsonb", "tags": "text[]"}
    stored = read_rows(
        database, "SELECT id, place::text, tags::text FROM rows ORDER BY id"
    )
    assert stored == [
        (1, '{"at": [1.5, 2.5], "town": "Ede"}', "{a,b}"),
        (2, '{"at": [], "town": "Epe"}', "{}"),
        (3, None, None),
    ]


def test_pushed_objects_become_jsonb(database):
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    with propload.Loader(**settings) as loader:
        loader.put(ROWS)
    assert dict(read_rows(database, COLUMNS))["place"] == "jsonb"


@pytest.mark.parametrize("pg_type", ["text", "json"])
def test_existing_column_keeps_its_type(database, pg_type):
    run_sql(database, f"CREATE TABLE rows (id int PRIMARY KEY, place {pg_type})")
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    report = propload.ingest(ROWS, on_new_columns="ignore", **settings)
    assert report.counts.inserted == 3
    assert dict(read_rows(database, COLUMNS))["place"] == pg_type


def test_added_column_is_jsonb(database):
    run_sql(database, "CREATE TABLE rows (id int PRIMARY KEY)")
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    propload.ingest(ROWS, on_new_columns="add", **settings)
    assert dict(read_rows(database, COLUMNS))["place"] == "jsonb"


def test_plain_text_for_an_object_column_is_rejected(database, tmp_path):
    rows = [{"id": 1, "a": {"b": 1}}] * 3 + [{"id": 2, "a": "plain"}]
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    propload.ingest(rows[:3], **settings)
    report = propload.ingest(rows[3:], **settings, state_dir=tmp_path)
    assert report.counts.rejected == 1
    assert "plain" in str(report.rejects.rows())


def test_numbers_in_objects_keep_their_digits(database, tmp_path):
    line = '{"id": 1, "a": {"b": 0.12345678901234567890123}}\n'
    (tmp_path / "rows.ndjson").write_text(line)
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    propload.ingest(tmp_path / "rows.ndjson", **settings)
    stored = read_rows(database, "SELECT jsonb_typeof(a->'b'), a->>'b' FROM rows")
    assert stored == [("number", "0.12345678901234567890123")]


def test_rare_arrow_types_reach_the_table(database):
    name = uuid.UUID(int=7)
    types = {
        "doc": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}'])),
        "name": pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([name.bytes], pa.binary(16))
        ),
        "wide": pa.array([Decimal(10) ** 50], pa.decimal256(60, 2)),
        "day": pa.array([dt.date(2024, 1, 2)], pa.date64()),
    }
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    report = propload.ingest(pa.table({"id": [1], **types}), **settings)
    assert report.counts.inserted == 1
    assert dict(read_rows(database, COLUMNS)) == {
        "id": "bigint",
        "doc": "jsonb",
        "name": "uuid",
        "wide": "numeric(60,2)",
        "day": "date",
    }
    stored = read_rows(database, "SELECT name::text, wide = 10::numeric ^ 50 FROM rows")
    assert stored == [(str(name), True)]


PYTHON_VALUES = {
    "seen": dt.datetime(2024, 1, 2, 3, 4, 5, 120_000),  # noqa: DTZ001 - naive on purpose
    "sold": dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC),
    "day": dt.date(2024, 1, 2),
    "fee": Decimal("1.10"),
    "rates": [Decimal("0.5"), None],
    "kept": dt.timedelta(days=3, seconds=5),
    "raw": b"\x00\xff",
    "at": {"x": 1.0, "y": 1e22, "none": None},
}


@pytest.mark.one_server
def test_value_from_another_kind_of_source_is_unchanged(database):
    rows = [{"id": 1, "held": PYTHON_VALUES}, {"id": 2, "held": None}]
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    assert propload.ingest(rows, **settings).counts.inserted == 2
    table = pa.Table.from_pylist(rows)
    forms = [
        pl.DataFrame(rows),
        table,
        pd.DataFrame(rows),
        table.to_pandas(types_mapper=pd.ArrowDtype),
    ]
    for form in forms:
        assert propload.ingest(form, **settings).counts.unchanged == 2
    typed = "jsonb_typeof(held->'fee'), held->>'seen', held->>'raw'"
    stored = read_rows(database, f"SELECT {typed} FROM rows WHERE id = 1")
    assert stored == [("number", "2024-01-02T03:04:05.120000", "\\x00ff")]


@pytest.mark.one_server
def test_replayed_values_of_a_frame_equal_those_stored_directly(database):
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    propload.ingest([{"id": 1, "held": PYTHON_VALUES}], **settings)
    run_sql(
        database,
        "CREATE TABLE kept AS TABLE rows",
        "TRUNCATE rows",
        "ALTER TABLE rows ADD CONSTRAINT no CHECK (id <> 1)",
    )
    report = propload.ingest(
        pl.DataFrame([{"id": 1, "held": PYTHON_VALUES}]), **settings
    )
    assert report.counts.rejected == 1
    run_sql(database, "ALTER TABLE rows DROP CONSTRAINT no")
    propload.replay(report.run_id, to=database)
    assert read_rows(database, "SELECT count(*) FROM rows JOIN kept USING (held)") == [
        (1,)
    ]


@pytest.mark.one_server
def test_numpy_and_pandas_values_in_dicts_keep_their_types(database):
    held = {"n": np.int64(5), "yes": np.bool_(True), "day": pd.NaT, "na": pd.NA}
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    propload.ingest([{"id": 1, "held": held}], **settings)
    stored = read_rows(database, "SELECT held::text FROM rows")
    assert json.loads(stored[0][0]) == {"n": 5, "yes": True, "day": None, "na": None}
