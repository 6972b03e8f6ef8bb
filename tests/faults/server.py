"""A private server that can be killed and stopped, and a session to observe it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

from propload.errors import PropLoadError
from propload.postgres.server.cluster import Cluster
from propload.postgres.server.root_server import server_account
from propload.postgres.session.connection import connect
from propload.postgres.sql import ledger
from tests.integration.reading import run_sql
from tests.programs import server_programs

#: With these, commits survive a crash of the server, though not one of the machine.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_buffers": "4MB",
}
LOCALE = ("--no-sync", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'propload'"
#: Seconds between two checks of a condition that must be polled.
POLL_SECONDS = 0.01


class DurableServer:
    """A cluster whose commits survive the death of its processes.

    Args:
        home: The cluster's folder.
    """

    def __init__(self, home):
        self.cluster = Cluster(home, server_programs(), server_account(), LOCALE)
        self.start()

    @property
    def dsn(self):
        return self.cluster.dsn

    def dsn_of(self, database):
        return self.dsn.replace("/propload?", f"/{database}?")

    def start(self):
        """Start the server if it is not running, and wait until it accepts sessions."""
        self.cluster.start(settings=SETTINGS)

    def stop(self):
        """Stop the server immediately, as in a crash, without ending sessions first."""
        arguments = (
            "-D",
            str(self.cluster.data),
            "-m",
            "immediate",
            "-w",
            "-s",
            "stop",
        )
        self.cluster._run("pg_ctl", *arguments)

    def close(self):
        self.cluster.remove()

    def run_outside_transaction(self, sql):
        from adbc_driver_postgresql import dbapi

        with (
            contextlib.closing(dbapi.connect(self.dsn, autocommit=True)) as session,
            session.cursor() as cursor,
        ):
            cursor.execute(sql)

    def kill_backend(self, dsn, chance):
        """Kill one of a load's backends, after which the whole server recovers.

        Returns whether there was one.
        """
        pids = [pid for (pid,) in ask(dsn, BACKENDS)]
        if pids:
            os.kill(chance.choice(pids), signal.SIGKILL)
        return bool(pids)


def prepare_ledger(dsn, *statements):
    """Create propload's own tables before its first run, and run further statements."""
    with connect(dsn, application_name="observer") as session:
        for statement in (
            *ledger.CREATE_SCHEMA,
            *ledger.CREATE_TABLES,
            *statements,
        ):
            session.execute(statement)
        session.commit()


#: Delays each commit by 0.01 seconds, so that a load can be interrupted within one.
SLOW_LEDGER = (
    """CREATE FUNCTION propload.slow() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END'""",
    """CREATE TRIGGER slow BEFORE INSERT ON propload.ledger
    FOR EACH ROW EXECUTE FUNCTION propload.slow()""",
)


#: Blocks a run in its fourth commit, so that it can be killed after three.
HALTING_LEDGER = (
    """CREATE FUNCTION propload.halt() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM propload.ledger WHERE run_id = NEW.run_id) >= 3 THEN
            PERFORM pg_sleep(60);
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER halt BEFORE INSERT ON propload.ledger
    FOR EACH ROW EXECUTE FUNCTION propload.halt()""",
)
_HALTED = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


def kill_halted(process, dsn):
    """Kill a load that is blocked by `HALTING_LEDGER`; the next one is not blocked."""
    with process:
        wait_until(lambda: ask(dsn, f"SELECT pid {_HALTED}"))
        process.kill()
    # the server would notice the kill only after its sleep
    ask(dsn, f"SELECT pg_terminate_backend(pid) {_HALTED}")
    run_sql(dsn, "DROP TRIGGER halt ON propload.ledger")


class Observer:
    """A session for queries, which is kept open for one database at a time.

    Tests query a hundred times per second: opening a session each time would take
    driver and server a tenth of a second, which the observed load would lack.
    """

    def __init__(self):
        self._session = None
        self._dsn = None

    def rows(self, dsn, sql):
        """Return the rows of a query; a session that was lost is opened again."""
        if self._session is not None and self._dsn == dsn:
            with contextlib.suppress(PropLoadError):
                return self._rows(sql)
        self.close()
        self._session = connect(dsn, application_name="observer")
        self._dsn = dsn
        return self._rows(sql)

    def _rows(self, sql):
        try:
            return self._session.rows(sql)
        finally:
            # so that the next query sees later commits, and no lock is held
            self._session.rollback()

    def close(self):
        if self._session is not None:
            self._session.close()
            self._session = None


observer = Observer()


def ask(dsn, sql):
    """Return the rows of a query; [] while the server cannot answer."""
    try:
        return observer.rows(dsn, sql)
    except PropLoadError:
        return []


def commits_of(dsn):
    """Return how many pieces were committed to a database so far."""
    if not ask(dsn, "SELECT 1 WHERE to_regclass('propload.ledger') IS NOT NULL"):
        return 0
    rows = ask(dsn, "SELECT count(*) FROM propload.ledger")
    return rows[0][0] if rows else 0


def wait_until(condition, *, seconds=60.0):
    """Poll until a condition holds.

    Raises:
        TimeoutError: It did not hold in time.
    """
    never = threading.Event()
    for _ in range(int(seconds / POLL_SECONDS)):
        if condition():
            return
        never.wait(POLL_SECONDS)
    msg = "what was waited for did not come"
    raise TimeoutError(msg)
