"""A killed load is resumed by readers that cut other batches: no row shifts."""

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
#: In text files, one of this many rows cannot be read.
BAD_EACH = 7

#: Loads a file with readers that cut chunks and batches of given sizes.
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


def write_csv(path):
    lines = (f"{n},{n * 7}{',more' * is_bad(n)}\n" for n in range(ROWS))
    path.write_text("id,price\n" + "".join(lines))


def write_csv_gz(path):
    write_csv(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def json_rows():
    return [[n] if is_bad(n) else {"id": n, "price": n * 7} for n in range(ROWS)]


def write_ndjson(path):
    path.write_text("".join(json.dumps(one) + "\n" for one in json_rows()))


def write_json(path):
    path.write_text(json.dumps(json_rows()))


def frame():
    return pl.DataFrame({"id": range(ROWS), "price": [n * 7 for n in range(ROWS)]})


WRITERS = {
    "a.csv": write_csv,
    "a.csv.gz": write_csv_gz,
    "a.ndjson": write_ndjson,
    "a.json": write_json,
    "a.parquet": lambda path: frame().write_parquet(path, row_group_size=700),
    "a.arrow": lambda path: frame().write_ipc(path),
}
MODES_AND_KEYS = [("upsert", "id"), ("append", ""), ("append", "id"), ("replace", "id")]
#: Rows and bytes of a chunk, and rows of a batch: medium, small and large.
CHUNKS = [(1_000, 20_000, 200), (370, 3_000, 170), (25_000, 1 << 20, 450)]


@pytest.mark.parametrize("name", WRITERS)
def test_killed_load_is_resumed_with_other_chunks_and_batches(
    dsn, tmp_path, chance, long, name
):
    WRITERS[name](tmp_path / name)
    for mode_and_key in MODES_AND_KEYS if long else [chance.choice(MODES_AND_KEYS)]:
        key = "" if mode_and_key == ("append", "") else "PRIMARY KEY"
        create = f"CREATE TABLE homes (id bigint {key}, price bigint)"
        run_sql(dsn, "DROP TABLE IF EXISTS homes", create)
        check_resuming(dsn, tmp_path / name, mode_and_key, chance)


def check_resuming(dsn, path, mode_and_key, chance):
    """Kill a load and its resumption, then resume it again, each with other sizes."""
    *killed, last = chance.sample(CHUNKS, 3)
    for number, size in enumerate(killed):
        arguments = [path, dsn, *mode_and_key, *size, "true" if number else ""]
        with loading.start_python(LOADER, *arguments) as process:
            loading.kill_at_random(process, dsn, chance, max_commits=8)
    with loading.start_python(
        LOADER, path, dsn, *mode_and_key, *last, "true"
    ) as process:
        counts = loading.counts_of(process.report())
    has_bad = not path.name.endswith(("parquet", "arrow"))
    good = [n for n in range(ROWS) if not (has_bad and is_bad(n))]
    assert [n for (n,) in ask(dsn, "SELECT id FROM homes ORDER BY id")] == good
    assert (counts.read, counts.stored) == (ROWS, len(good)), (mode_and_key, killed)
