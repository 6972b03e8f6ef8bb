"""--lock: a second run is refused at once, or waits for the end of the first."""

from __future__ import annotations

import pytest

from propload.postgres.session.connection import connect
from propload.postgres.session.locking import target_lock
from propload.target import TableName
from tests.faults import loading
from tests.faults.server import ask, wait_until
from tests.sessions import WAITING_FOR_A_RUN

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def arguments(dsn, tmp_path):
    file = tmp_path / "homes.csv"
    file.write_text("id,price\n1,2\n")
    target = ("--table", "homes", "--key", "id", "--lock")
    return ["ingest", file, "--to", dsn, *target]


def test_second_run_exits_with_75_or_waits_for_the_lock(dsn, arguments):
    table = TableName("public", "homes")
    with connect(dsn) as session, target_lock(session, table):
        with loading.start(*arguments) as process:
            assert process.wait() == 75
        assert "another run holds the lock" in process.log
        with loading.start(*arguments, "--lock-wait", "0.1") as process:
            assert process.wait() == 75
        assert ask(dsn, "SELECT to_regclass('homes') IS NULL") == [(True,)]
        patient = loading.start(*arguments, "--lock-wait", "50")
        with patient:
            wait_until(lambda: ask(dsn, WAITING_FOR_A_RUN))
            session.rows("SELECT pg_advisory_unlock_all()::text")
            session.commit()
            assert patient.wait() == 0, patient.log
    assert ask(dsn, "SELECT id, price FROM homes") == [(1, 2)]
