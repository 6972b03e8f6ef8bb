"""Rejected rows with years and durations that Python and Polars cannot hold."""

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

#: The server's calendar ends in the year 294276, that of Polars in 262142.
DAY = 280_000 * 365
SECONDS = DAY * 86_400
MOMENT = "+281784-02-05 00:00:00.000000"
VALUES = {
    "date": (pa.array([0, DAY], pa.int32()).cast(pa.date32()), "+281784-02-05"),
    "timestamp": (pa.array([0, SECONDS]).cast(pa.timestamp("s")), MOMENT),
    "timestamptz": (
        pa.array([0, SECONDS * 10**6]).cast(pa.timestamp("us", "Europe/Amsterdam")),
        f"{MOMENT}+00:00",
    ),
    "timestamp[]": (
        pa.array([[0], [SECONDS * 1000]]).cast(pa.list_(pa.timestamp("ms"))),
        f'["{MOMENT}"]',
    ),
    "jsonb": (
        pa.StructArray.from_arrays(
            [pa.array([0, DAY], pa.int32()).cast("date32")], "a"
        ),
        '{"a": "+281784-02-05"}',
    ),
    "interval": (pa.array([0, 9_000_001]).cast(pa.duration("ms")), "PT2H30M0.001S"),
}


def ingest(table, folder, database):
    return propload.ingest(table, to=database, table="homes", key="id")


def ingest_parquet(table, folder, database):
    pq.write_table(table, folder / "a.parquet")
    return ingest(folder / "a.parquet", folder, database)


def push(table, folder, database):
    with propload.Loader(to=database, table="homes", key="id") as loader:
        loader.put(table)
    return loader.report


@pytest.mark.parametrize("load", [ingest, ingest_parquet, push])
@pytest.mark.parametrize("pg_type", VALUES)
def test_out_of_range_value_costs_only_its_row_and_is_shown_as_text(
    database, tmp_path, pg_type, load
):
    values, shown = VALUES[pg_type]
    run_sql(
        database,
        f"CREATE TABLE homes (id int PRIMARY KEY, v {pg_type})",
        "ALTER TABLE homes ADD CHECK (id = 1 OR v IS NULL)",
    )
    table = pa.table({"id": [1, 2], "v": values})
    report = load(table, tmp_path, database)
    assert (report.counts.inserted, report.counts.rejected) == (1, 1)
    [reason] = report.rejects["propload_reason_list"].item()
    assert (reason["stage"], reason["value"]) == ("database", f"2, {shown}")


@pytest.mark.parametrize(
    "pg_type", ["timestamptz", "timestamptz[]", "timestamp", "text"]
)
def test_utc_offset_that_the_server_refuses_costs_only_its_row(
    pg_type, database, tmp_path
):
    run_sql(database, f"CREATE TABLE homes (id int PRIMARY KEY, seen {pg_type})")
    offsets = ["+15:59", "+16", "-23:59", "-15:59", "+1600"]
    seen = [f"2024-01-16 10:00:00{offset}" for offset in offsets]
    cells = [f'["{text}"]' if pg_type.endswith("[]") else text for text in seen]
    path = tmp_path / "homes.csv"
    pl.DataFrame({"id": range(len(seen)), "seen": cells}).write_csv(path)
    report = propload.ingest(path, to=database, table="homes", key="id")
    rejected = [] if pg_type == "text" else [1, 2, 4]
    assert report.counts.rejected == len(rejected)
    stored = query(database, "SELECT id FROM homes ORDER BY id")
    assert [row for (row,) in stored] == sorted({*range(len(seen))} - {*rejected})
