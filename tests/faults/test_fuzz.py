"""Any names, types and values: from file to table and back without a silent change."""

from __future__ import annotations

import datetime as dt
import math

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import propload
from propload.errors import PropLoadError
from tests.integration.reading import read_table, run_sql

pytestmark = pytest.mark.timeout(2_400)

#: PostgreSQL takes names of at most 63 bytes; longer ones have to be refused.
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=20,
).filter(lambda name: name == name.strip())
#: From the first day of year 1 to the last of 9999.
times = st.datetimes()
texts = (
    st.text(st.characters(codec="utf-8"), max_size=30)
    | st.sampled_from(
        ["", " ", '"', '""', "'", "\\N", "\\.", "a\nb", "\0", "NULL", "é"]
    )
    | st.integers(1, 2).map(lambda n: "x" * (n << 19))
)
VALUES = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.Int8: st.integers(-128, 127),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.Float64: st.floats() | st.sampled_from([1e308, -1e308, 5e-324, -0.0]),
    pl.Float32: st.floats(width=32),
    pl.Boolean: st.booleans(),
    pl.String: texts,
    pl.Date: st.dates(),
    pl.Datetime("us"): times,
    pl.Datetime("us", "UTC"): times.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    pl.Binary: st.binary(max_size=20),
}


@st.composite
def frames(draw):
    """Draw a frame of any columns, with a column that tells the rows apart."""
    columns = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    height = draw(st.integers(1, 12))
    made = {"propload_n": pl.Series(range(height), dtype=pl.Int64)}
    for name in columns:
        dtype = draw(st.sampled_from(list(VALUES)))
        value = st.none() | VALUES[dtype]
        values = draw(st.lists(value, min_size=height, max_size=height))
        made[name] = pl.Series(values, dtype=dtype)
    return pl.DataFrame(made)


def check(dsn, path, frame):
    """Load a file and tell whether; what came back is equal, or has a reason."""
    run_sql(dsn, 'DROP TABLE IF EXISTS "fuzz"')
    told = {"to": dsn, "table": "fuzz", "mode": "append", "progress": False}
    try:
        report = propload.ingest(str(path), **told)
    except PropLoadError:
        return False
    report.counts.verify()
    assert report.counts.read == frame.height
    refused = set()
    if report.counts.rejected:
        refused = {row - 1 for row in report.rejects["row"]}
        assert report.rejects["reasons"].list.len().min() > 0
    assert len(refused) == report.counts.rejected
    if report.counts.inserted:
        compare(read_table(dsn, "fuzz"), frame, refused)
    return bool(report.counts.inserted)


def compare(stored, frame, refused):
    assert stored.height == frame.height - len(refused)
    rows = {int(row["propload_n"]): row for row in stored.iter_rows(named=True)}
    assert set(rows) == set(range(frame.height)) - refused
    for number, row in rows.items():
        for name, value in frame.row(number, named=True).items():
            assert same(row[name.strip()], value), (name, value, row[name.strip()])


def same(found, given):
    """Whether a value came back as it was, in the type of its column."""
    if isinstance(given, float) and math.isnan(given):
        return isinstance(found, float) and math.isnan(found)
    if isinstance(given, dt.datetime) and isinstance(found, dt.datetime):
        return found.replace(tzinfo=None) == given.replace(tzinfo=None)
    if isinstance(found, (str, bytes)) and isinstance(given, int):
        return int(found) == given
    return found == given


def fuzz(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def write_parquet(frame, path):
    frame.write_parquet(path)


def write_arrow(frame, path):
    frame.write_ipc(path)


@pytest.mark.parametrize("write", [write_parquet, write_arrow])
def test_typed_files(dsn, tmp_path, long, write):
    path = tmp_path / f"fuzz.{write.__name__.removeprefix('write_')}"
    loaded = []

    @fuzz(400 if long else 15)
    @given(frames())
    def load(frame):
        write(frame, path)
        loaded.append(check(dsn, path, frame))

    load()
    # most are loaded, not refused
    assert sum(loaded) > len(loaded) / 2


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_texts(dsn, tmp_path, long, ending):
    """Texts of a CSV or JSON file, into columns of text, are what they were."""
    path = tmp_path / f"fuzz.{ending}"

    @fuzz(400 if long else 15)
    @given(st.lists(st.none() | texts, min_size=1, max_size=12))
    def load(values):
        frame = pl.DataFrame(
            {
                "propload_n": range(len(values)),
                "value": pl.Series(values, dtype=pl.String),
            }
        )
        if ending == "csv":
            frame.write_csv(path, quote_style="non_numeric")
        else:
            frame.write_ndjson(path)
        run_sql(dsn, 'DROP TABLE IF EXISTS "fuzz"')
        run_sql(dsn, 'CREATE TABLE "fuzz" (propload_n bigint, value text)')
        told = {"to": dsn, "table": "fuzz", "mode": "append", "progress": False}
        report = propload.ingest(str(path), format=ending, **told)
        report.counts.verify()
        assert report.counts.read == len(values)
        found = {row[0]: row[1] for row in read_table(dsn, "fuzz").iter_rows()}
        assert len(found) == len(values) - report.counts.rejected
        for number, value in found.items():
            assert value == values[number], (number, value)
        lost = set(range(len(values))) - set(found)
        assert all("\0" in (values[number] or "") for number in lost)

    load()
