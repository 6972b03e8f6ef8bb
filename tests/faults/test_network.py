"""A network that cuts, resets and stalls connections at any byte."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

import propload
from propload.errors import PropLoadError
from propload.postgres.session import slow_answers
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.server_sessions import ServerSessions
from tests.faults import loading
from tests.faults.proxy import Fault, Proxy
from tests.faults.server import SETTINGS, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

ROWS = 4_000
#: More bytes than such a load exchanges on one connection.
LOAD_BYTES = 200_000
#: Fewer bytes than any session exchanges: the driver reads all types at its beginning.
EARLY = 3_000
#: A run's own session and its lock come before the writers', and the driver opens a
#: connection to learn the types before the first session.
BEFORE = 3


@pytest.fixture
def proxy(server):
    with Proxy(server) as one:
        yield one


def load_until_done(file, dsn, **more):
    """Load, and resume if the connection broke before a retry was possible."""
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
def test_load_survives_connections_that_break_anywhere(
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


def test_commit_whose_answer_is_lost_is_not_repeated(
    dsn, proxy, tmp_path, chance, long
):
    # every byte near the end of the only piece is tried: the answer to COMMIT too
    file = tmp_path / "homes.csv"
    frame = loading.listings(20, chance=chance)
    frame.write_csv(file)
    settings = loading.settings(proxy.dsn_of(dsn), mode="append", workers=1)
    run_sql(dsn, loading.table_sql(mode="append"))
    for after in range(0, 4_000, 7 if long else 400):
        run_sql(dsn, "TRUNCATE homes")
        proxy.faults.extend([None] * BEFORE + [Fault("cut", after)])
        report = propload.ingest(str(file), **settings)
        proxy.faults.clear()
        assert report.counts.inserted == 20
        assert loading.stored(dsn).equals(loading.expected(frame, mode="append"))


@pytest.mark.parametrize("method", ["control", "connect"])
def test_waiting_long_for_a_session_is_logged(dsn, proxy, method, monkeypatch, caplog):
    sessions = ServerSessions(proxy.dsn_of(dsn))
    if method == "connect":
        sessions.control()
    monkeypatch.setattr(slow_answers, "SLOW_SECONDS", 0.1)
    # like a pooler without a free session: it accepts the connection and stays silent
    proxy.faults.append(Fault("stall", 1))
    with closing(sessions), ThreadPoolExecutor(1) as pool:
        opened = pool.submit(getattr(sessions, method))
        wait_until(lambda: "has given no session for 0.1 s" in caplog.text)
        proxy.relent()
        with opened.result() as session:
            assert session.value("SELECT 1") == 1


def test_stalled_connection_continues_without_a_retry(dsn, proxy, tmp_path, chance):
    file = tmp_path / "homes.csv"
    frame = loading.listings(ROWS, chance=chance)
    frame.write_csv(file)
    run_sql(dsn, loading.table_sql())
    proxy.faults.extend([None] * BEFORE + [Fault("stall", 20_000)])
    reports = []
    settings = loading.settings(proxy.dsn_of(dsn), workers=1)
    thread = threading.Thread(
        target=lambda: reports.append(propload.ingest(str(file), **settings))
    )
    thread.start()
    assert proxy.stalled.wait(60)
    assert not reports
    proxy.relent()
    thread.join(60)
    assert reports[0].counts.inserted == ROWS
    assert reports[0].retries == 0
    assert loading.stored(dsn).equals(loading.expected(frame))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("mode", "trigger"),
    [
        # the transaction has written its rows, so a retry has to wait for it
        ("upsert", b"INSERT INTO propload.ledger"),
        ("append", b"INSERT INTO propload.ledger"),
        # the session that keeps the shadow for this run is lost too
        ("replace", b"INSERT INTO propload.ledger"),
        ("replace", b"COMMENT ON TABLE"),
    ],
)
def test_silently_lost_connection_does_not_block_the_retry(
    dsn, proxy, tmp_path, chance, mode, trigger
):
    file = tmp_path / "homes.csv"
    frame = loading.listings(300, chance=chance)
    frame.write_csv(file)
    run_sql(dsn, loading.table_sql(mode=mode))
    # on whichever connection sends these bytes first; the others have no fault
    proxy.faults.extend([Fault("forget", trigger=trigger)] * (BEFORE + 3))
    settings = loading.settings(
        proxy.dsn_of(dsn), mode=mode, workers=1, retry_attempts=5, retry_seconds=10
    )
    reports = []
    thread = threading.Thread(
        target=lambda: reports.append(propload.ingest(str(file), **settings)),
        daemon=True,
    )
    thread.start()
    # by itself the server would notice only when the proxy ends
    thread.join(30)
    assert reports
    assert len(proxy.done) == 1
    assert reports[0].counts.inserted == 300
    assert loading.stored(dsn).equals(loading.expected(frame, mode=mode))


def test_only_the_lost_session_is_ended_on_the_server(dsn, proxy):
    with (
        connect(proxy.dsn_of(dsn)) as first,
        first.clone() as lost,
        first.clone() as other,
    ):
        pids = [one.value("SELECT pg_backend_pid()") for one in (lost, other)]
        proxy.forget()
        with pytest.raises(ServerError):
            lost.rows("SELECT 1")
        lost.close()
        with connect(dsn, application_name="observer") as observer:
            first.clone().close()
            find_backends = "SELECT pid FROM pg_stat_activity WHERE pid = ANY ($1)"
            assert observer.rows(find_backends, (pids,)) == [(pids[1],)]


@pytest.fixture
def tcp_dsn(server, dsn):
    """Let the server listen on TCP; yield the connection string for that."""
    rules = server.cluster.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all all 127.0.0.0/8 trust\n{before}")
    # an address that only this process uses, as the port is the same for every server
    high, low = divmod(os.getpid() % 60_000, 250)
    address = f"127.9.{high}.{low + 1}"
    server.stop()
    server.cluster.start(settings=SETTINGS | {"listen_addresses": address})
    name = dsn.partition("@/")[2].partition("?")[0]
    yield f"postgresql://postgres@{address}:5432/{name}"
    rules.write_text(before)
    server.stop()
    server.start()


TCP_SETTINGS = """
SELECT name, setting FROM pg_settings
WHERE name LIKE 'tcp%' AND setting <> '0' ORDER BY name"""
EXPECTED_SETTINGS = [
    ("tcp_keepalives_count", "3"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_user_timeout", "60000"),
]


def test_server_notices_a_cut_connection_as_soon_as_the_client(dsn, tcp_dsn):
    with connect(tcp_dsn) as session, session.clone() as other:
        assert (
            session.rows(TCP_SETTINGS) == other.rows(TCP_SETTINGS) == EXPECTED_SETTINGS
        )
    chosen = f"{tcp_dsn}?options=-c%20tcp_keepalives_idle%3D77"
    with connect(chosen) as session:
        assert dict(session.rows(TCP_SETTINGS)) == dict(EXPECTED_SETTINGS) | {
            "tcp_keepalives_idle": "77"
        }
    # a local socket has no TCP settings
    with connect(dsn) as session:
        assert session.rows(TCP_SETTINGS) == []
