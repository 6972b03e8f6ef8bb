"""kill -9, and a version goes on whose readers cut other batches: nothing shifts."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest

from tests.faults import loading
from tests.faults.server import ask
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(240)

ROWS = 6_000
#: Every so many rows of a text one cannot be read.
BAD_EACH = 7

#: Loads a file by readers that cut batches as they are told to.
LOADER = """
import json, sys
from dataclasses import replace
import propload
from propload import ingesting
path, to, mode, key, rows, nbytes, batch_rows, resume = sys.argv[1:]
options = ingesting.source_options
ingesting.source_options = lambda *told, **named: replace(
    options(*told, **named), chunk_rows=int(rows), chunk_bytes=int(nbytes)
)
keyed = {"key": key} if key else {}
resumed = {"resume": True} if resume else {}
report = propload.ingest(
    path, to=to, table="homes", mode=mode, batch_rows=int(batch_rows),
    batch_seconds=60, progress=False, **keyed, **resumed,
)
print(json.dumps(report.as_dict()))
"""


def is_bad(number):
    return number % BAD_EACH == 3


def csv_of(path):
    lines = (f"{n},{n * 7}{',more' * is_bad(n)}\n" for n in range(ROWS))
    path.write_text("id,price\n" + "".join(lines))


def packed_of(path):
    csv_of(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def values():
    return [[n] if is_bad(n) else {"id": n, "price": n * 7} for n in range(ROWS)]


def lines_of(path):
    path.write_text("".join(json.dumps(one) + "\n" for one in values()))


def json_of(path):
    path.write_text(json.dumps(values()))


def frame():
    return pl.DataFrame({"id": range(ROWS), "price": [n * 7 for n in range(ROWS)]})


FORMS = {
    "a.csv": csv_of,
    "a.csv.gz": packed_of,
    "a.ndjson": lines_of,
    "a.json": json_of,
    "a.parquet": lambda path: frame().write_parquet(path, row_group_size=700),
    "a.arrow": lambda path: frame().write_ipc(path),
}
WAYS = [("upsert", "id"), ("append", ""), ("append", "id"), ("replace", "id")]
#: Smaller, larger, and no multiple of one another.
CHUNKS = [(1_000, 20_000, 200), (370, 3_000, 170), (25_000, 1 << 20, 450)]


@pytest.mark.parametrize("name", FORMS)
def test_a_file(dsn, tmp_path, chance, long, name):
    FORMS[name](tmp_path / name)
    for way in WAYS if long else [chance.choice(WAYS)]:
        key = "" if way == ("append", "") else "PRIMARY KEY"
        create = f"CREATE TABLE homes (id bigint {key}, price bigint)"
        run_sql(dsn, "DROP TABLE IF EXISTS homes", create)
        check(dsn, tmp_path / name, way, chance)


def check(dsn, path, way, chance):
    """Kill a load, go on with it, kill that, and go on with other batches each time."""
    *killed, last = chance.sample(CHUNKS, 3)
    for place, size in enumerate(killed):
        words = [path, dsn, *way, *size, "true" if place else ""]
        with loading.start_python(LOADER, *words) as process:
            loading.kill_at_random(process, dsn, chance, most=8)
    with loading.start_python(LOADER, path, dsn, *way, *last, "true") as process:
        counts = loading.counts_of(process.report())
    has_bad = not path.name.endswith(("parquet", "arrow"))
    good = [n for n in range(ROWS) if not (has_bad and is_bad(n))]
    assert [n for (n,) in ask(dsn, "SELECT id FROM homes ORDER BY id")] == good
    assert (counts.read, counts.stored) == (ROWS, len(good)), (way, killed)
