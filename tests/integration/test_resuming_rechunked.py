"""An interrupted run is resumed although its source is now cut differently."""

import gzip
import itertools
import json
from dataclasses import replace

import polars as pl
import pytest

import propload
from propload.errors import LoadError, SourceError
from propload.running.planning import source_options
from propload.sources.files.file_source import FileSource
from tests.integration.partial_runs import guard, ids_by_lane, open_guard
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

ROWS = 60
#: One row in seven cannot be read, and in one place several adjacent ones.
BAD = {n for n in range(ROWS) if n % 7 == 5} | {20, 21, 22, 23}
GOOD = [n for n in range(ROWS) if n not in BAD]
GUARDED = 41


def write_csv(path):
    lines = [f"{n},v{n}" + ",more" * (n in BAD) for n in range(ROWS)]
    text = "\n".join(["id,v", *lines]) + "\n"
    packed = path.suffix == ".gz"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())


def values():
    return [[n] if n in BAD else {"id": n, "v": f"v{n}"} for n in range(ROWS)]


def write_ndjson(path):
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values()))


def write_json(path):
    path.write_text(json.dumps(values()))


def write_parquet(path):
    rows = {"id": GOOD, "v": [f"v{n}" for n in GOOD]}
    pl.DataFrame(rows).write_parquet(path, row_group_size=16)


FILES = {
    "a.csv": write_csv,
    "a.csv.gz": write_csv,
    "a.ndjson": write_ndjson,
    "a.json": write_json,
    "a.parquet": write_parquet,
}
#: Sizes of the source's batches before and after, as another version may cut them.
CUTS = [
    ({"chunk_rows": 25}, {"chunk_rows": 4}),
    ({"chunk_rows": 7, "chunk_bytes": 500}, {"chunk_rows": 11, "chunk_bytes": 90}),
]


@pytest.fixture
def load(database, monkeypatch):
    def load(path, options, **settings):
        arguments = {"table": "homes", "workers": 2, "progress": False}
        monkeypatch.setattr(
            "propload.ingesting.source_options",
            lambda *args, **kwargs: replace(source_options(*args, **kwargs), **options),
        )
        return propload.ingest(path, to=database, **arguments, **settings)

    return load


@pytest.mark.parametrize("mode", [{"key": "id"}, {"mode": "append"}], ids=str)
@pytest.mark.parametrize(("before", "after"), CUTS, ids=str)
@pytest.mark.parametrize("name", FILES)
def test_no_row_is_lost_or_counted_twice_if_chunks_differ(
    load, database, tmp_path, name, before, after, mode
):
    path = tmp_path / name
    FILES[name](path)
    run_sql(database, "CREATE TABLE homes (id bigint, v text)")
    if "key" in mode:
        run_sql(database, "ALTER TABLE homes ADD PRIMARY KEY (id)")
    guard(database, "homes", GUARDED, until="batch >= 5")
    with pytest.raises(LoadError, match="the guard is shut"):
        load(path, before, batch_rows=5, **mode)
    open_guard(database)
    report = load(path, after, batch_rows=8, resume=True, **mode)
    assert sorted(read_table(database, "homes")["id"]) == GOOD
    bad = 0 if name == "a.parquet" else len(BAD)
    counts = report.counts
    assert (counts.inserted, counts.rejected) == (len(GOOD), bad)
    assert counts.read == len(GOOD) + bad
    assert report.rejects.height == bad


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_source_failing_within_a_partly_committed_batch_doubles_no_row(
    load, database, tmp_path, monkeypatch, mode
):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    ids = [n for pair in zip(*ids_by_lane(), strict=False) for n in pair][:20]
    guard(database, "homes", ids[12], until="batch = 1 AND lane = 1")
    path = tmp_path / "a.csv"
    pl.DataFrame({"id": ids}).write_csv(path)
    settings = {"mode": mode, "key": "id", "batch_rows": 10}
    with pytest.raises(LoadError, match="the guard is shut"):
        load(path, {"chunk_rows": 3}, **settings)
    open_guard(database)
    read_whole = FileSource.__iter__

    def read_part(source):
        yield from itertools.islice(read_whole(source), 5)
        msg = "the disk fails"
        raise SourceError(msg)

    monkeypatch.setattr(FileSource, "__iter__", read_part)
    with pytest.raises(LoadError, match="the disk fails"):
        load(path, {"chunk_rows": 3}, resume=True, **settings)
    monkeypatch.setattr(FileSource, "__iter__", read_whole)
    report = load(path, {"chunk_rows": 3}, resume=True, **settings)
    assert (report.counts.read, report.counts.inserted) == (20, 20)
    assert sorted(read_table(database, "homes")["id"]) == sorted(ids)
