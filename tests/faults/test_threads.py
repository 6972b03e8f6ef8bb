"""Threads of one process load into one table that did not exist before."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import propload
from tests.integration.reading import read_table

pytestmark = pytest.mark.timeout(120)

THREADS = 4
ROWS = 1_000


def load(dsn, thread, mode):
    rows = ({"id": number, "thread": thread} for number in range(ROWS))
    key = {} if mode == "append" else {"key": "id"}
    return propload.ingest(
        rows, to=dsn, table="homes", mode=mode, batch_rows=300, progress=False, **key
    )


@pytest.mark.parametrize("mode", ["upsert", "insert-new", "append", "replace"])
def test_threads_that_create_one_table_load_every_row_once(dsn, mode):
    with ThreadPoolExecutor(THREADS) as threads:
        futures = [threads.submit(load, dsn, n, mode) for n in range(THREADS)]
        reports = [future.result(timeout=100) for future in futures]
    for report in reports:
        assert report.status == "loaded"
        assert report.counts.read == ROWS
        report.counts.verify()
    assert propload.leftovers() == []
    table = read_table(dsn, "homes")
    inserted = sum(report.counts.inserted for report in reports)
    if mode == "append":
        assert inserted == table.height == THREADS * ROWS
        return
    assert sorted(table["id"]) == list(range(ROWS))
    if mode == "replace":
        # all rows are those of the thread that ended last
        assert table["thread"].n_unique() == 1
    else:
        assert inserted == ROWS
