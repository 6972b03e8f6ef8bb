"""A network that cuts, resets and stalls connections at any byte."""

from __future__ import annotations

import threading

import pytest

import propload
from propload.errors import PropLoadError
from tests.faults import loading
from tests.faults.proxy import Fault, Proxy
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

ROWS = 4_000
#: More than all bytes of one such load on one connection.
LOAD_BYTES = 200_000
#: Fewer than any session exchanges: the driver asks for all types at its beginning.
EARLY = 3_000
#: A run's own session and its lock come before the writers', and the driver opens a
#: connection to learn the types before the first session.
BEFORE = 3


@pytest.fixture
def proxy(server):
    with Proxy(server) as one:
        yield one


def load_until_done(file, dsn, **more):
    """Load, and go on where the connection broke before a retry was possible."""
    resume = {}
    while True:
        try:
            return propload.ingest(str(file), **loading.settings(dsn, **more), **resume)
        except PropLoadError as error:
            if error.exit_code != 1:
                raise
            resume = {"resume": True}


@pytest.mark.parametrize("mode", ["upsert", "append"])
@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_connections_that_break_anywhere(
    dsn, proxy, tmp_path, chance, long, kind, mode
):
    file = tmp_path / "homes.csv"
    retries = 0
    for _ in range(25 if long else 1):
        frame = loading.listings(ROWS, chance=chance, keys=3_000, bad=9)
        frame.write_csv(file)
        run_sql(dsn, "DROP TABLE IF EXISTS homes", loading.table_sql(mode=mode))
        struck = len(proxy.done)
        proxy.faults.extend([None] * chance.randint(0, BEFORE))
        # half of them early, where a session begins
        ends = [chance.choice([EARLY, LOAD_BYTES]) for _ in range(9)]
        # one of the two writers is struck in any case
        ends[chance.randrange(2)] = EARLY
        proxy.faults.extend(Fault(kind, chance.randrange(end)) for end in ends)
        report = load_until_done(file, proxy.dsn_of(dsn), mode=mode, workers=2)
        proxy.faults.clear()
        report.counts.verify()
        retries += report.retries
        assert len(proxy.done) > struck
        assert (report.counts.read, report.counts.rejected) == (ROWS, 9)
        assert loading.stored(dsn).equals(loading.expected(frame, mode=mode))
        assert report.rejects.height == 9
    assert not long or retries


def test_a_commit_whose_answer_is_lost_is_not_repeated(
    dsn, proxy, tmp_path, chance, long
):
    # every byte near the end of the only piece is tried: the answer to COMMIT too
    file = tmp_path / "homes.csv"
    frame = loading.listings(20, chance=chance)
    frame.write_csv(file)
    told = loading.settings(proxy.dsn_of(dsn), mode="append", workers=1)
    run_sql(dsn, loading.table_sql(mode="append"))
    for after in range(0, 4_000, 7 if long else 400):
        run_sql(dsn, "TRUNCATE homes")
        proxy.faults.extend([None] * BEFORE + [Fault("cut", after)])
        report = propload.ingest(str(file), **told)
        proxy.faults.clear()
        assert report.counts.inserted == 20
        assert loading.stored(dsn).equals(loading.expected(frame, mode="append"))


def test_a_connection_that_stalls_goes_on_where_it_was(dsn, proxy, tmp_path, chance):
    file = tmp_path / "homes.csv"
    frame = loading.listings(ROWS, chance=chance)
    frame.write_csv(file)
    run_sql(dsn, loading.table_sql())
    proxy.faults.extend([None] * BEFORE + [Fault("stall", 20_000)])
    reports = []
    told = loading.settings(proxy.dsn_of(dsn), workers=1)
    thread = threading.Thread(
        target=lambda: reports.append(propload.ingest(str(file), **told))
    )
    thread.start()
    assert proxy.stalled.wait(60)
    assert not reports
    proxy.relent()
    thread.join(60)
    assert reports[0].counts.inserted == ROWS
    assert reports[0].retries == 0
    assert loading.stored(dsn).equals(loading.expected(frame))
