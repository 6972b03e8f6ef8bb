"""What a run shows while it waits for the lock of its table."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import propload
from propload.postgres.session.connection import connect
from propload.postgres.session.locking import target_lock
from propload.target import TableName
from tests.faults.server import wait_until

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def test_progress_says_that_the_run_waits_for_the_lock(database):
    metrics = propload.Metrics()
    told = {"to": database, "table": "homes", "key": "id", "lock": True}
    homes = TableName("public", "homes")
    with ThreadPoolExecutor() as pool, connect(database) as session:
        with target_lock(session, homes):
            load = pool.submit(
                propload.ingest, [{"id": 1}], lock_wait=50, metrics=metrics, **told
            )
            wait_until(lambda: metrics.snapshot().activity)
            shown = metrics.snapshot().activity
        assert load.result().counts.inserted == 1
    assert shown == "waiting up to 50 s for the lock of public.homes"
    assert not metrics.snapshot().activity
