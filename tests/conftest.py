"""Servers, databases and folders that tests run in."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
#: The embedded server's, and the oldest that is supported.
VERSIONS = ("18", "15")
#: Where Debian's packages put PostgreSQL 15, the oldest version supported.
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
#: Tests make and drop hundreds of databases; none has to survive a crash.
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "wal_buffers": "4MB",
    "max_wal_size": "1GB",
}
END_OTHER_SESSIONS = """
SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND application_name <> 'lender'
"""
EMPTY_DATABASE = """
DO $$
DECLARE namespace text;
BEGIN
    FOR namespace IN SELECT nspname FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', namespace);
    END LOOP;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
    EXECUTE format('GRANT CONNECT, TEMP ON DATABASE %I TO PUBLIC', current_database());
END
$$
"""


def pytest_configure(config):
    if sys.dont_write_bytecode and hasattr(config, "cache"):
        keep_bytecode(config.cache.mkdir("bytecode"))
    # a shell lets what it runs in the background ignore it, and programs that tests
    # start and interrupt would inherit that
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def keep_bytecode(folder):
    """Let tests, and the programs that they start, be compiled once.

    Who forbids Python to write bytecode wants none beside the sources: it goes where
    pytest keeps what is its own. Compiled anew, it would take half of the unit tests'
    time.
    """
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(folder)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def pytest_addoption(parser):
    parser.addoption(
        "--long", action="store_true", help="run the long form of fault tests"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Leave what is imported and collected out of each search for garbage.

    All of it stays to the end; to look through it again and again took an eighth of
    the unit tests' time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    # pytest has put the tests with one server before those with another; the files of
    # long tests are to come first and those of unit last, as their folders are named
    items.sort(key=lambda item: item.path)
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="the long form: run with --long")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)


def pytest_generate_tests(metafunc):
    """Run what asks for a server on each version of it, or on the newest alone."""
    if "postgres_server" in metafunc.fixturenames:
        alone = metafunc.definition.get_closest_marker("one_server")
        versions = VERSIONS[:1] if alone else VERSIONS
        metafunc.parametrize("postgres_server", versions, indirect=True)


_state_folders = itertools.count()


@pytest.fixture(autouse=True)
def state_dir(tmp_path_factory, monkeypatch):
    """Give each test a state folder of its own and no settings from outside."""
    kept = {"PROPLOAD_TEST_DSN", "PROPLOAD_SHARED"}
    for name in list(os.environ):
        if name.startswith(("PROPLOAD_", "PG")) and name not in kept:
            monkeypatch.delenv(name)
    # only named: most tests never make it
    folder = tmp_path_factory.getbasetemp() / f"state{next(_state_folders)}"
    monkeypatch.setenv("PROPLOAD_STATE_DIR", str(folder))
    yield folder
    if (folder / "embedded.lock").exists():
        from propload.postgres.server import embedded

        embedded.destroy(folder)


class Servers:
    """The private servers of a session, each started when it is first asked for."""

    def __init__(self, until_the_end):
        self._until_the_end = until_the_end
        self._running = {}
        self._databases = {}

    def dsn_of(self, version):
        """Return the connection string of the server of a major version."""
        if version not in self._running:
            cluster = self._until_the_end.enter_context(running_cluster(version))
            self._running[version] = cluster.dsn
        return self._running[version]

    def database_of(self, server):
        """Return the database that tests have in turn on a server."""
        if server not in self._databases:
            made = TestDatabase(server)
            self._until_the_end.callback(made.drop)
            self._databases[server] = made
        return self._databases[server]


@pytest.fixture(scope="session")
def servers():
    """Keep the servers while files go from one to the other; ends with the session."""
    with ExitStack() as until_the_end:
        yield Servers(until_the_end)


@pytest.fixture(scope="session")
def postgres_server(request, servers):
    """Name a private server: a test runs on each. Value: its connection string."""
    given = os.environ.get("PROPLOAD_TEST_DSN")
    if not given:
        return servers.dsn_of(request.param)
    if request.param != VERSIONS[0]:
        pytest.skip("PROPLOAD_TEST_DSN names the one server to test with")
    return given


@contextmanager
def running_cluster(version):
    """Run a cluster of a major version in a temporary folder."""
    from propload.postgres.server.cluster import Cluster
    from propload.postgres.server.root_server import server_account
    from tests.programs import server_programs

    programs = server_programs()
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    if version == "15":
        if not (DEBIAN_15 / "postgres").exists():
            pytest.skip("Debian's PostgreSQL 15 is not installed")
        # text in the order of a language shows where byte order was taken for granted
        programs, locale = DEBIAN_15, ("--locale-provider=icu", "--icu-locale=en-US")
    home = Path(tempfile.mkdtemp(prefix=f"propload-test-{version}-"))
    cluster = Cluster(home, programs, server_account(), ("--no-sync", *locale))
    try:
        cluster.start(settings=QUICK)
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def postgres_dsn(postgres_server):
    """Name the server's own database; tests make theirs with `database`."""
    return postgres_server


class TestDatabase:
    """The database that tests have in turn, and a session that empties it."""

    __test__ = False

    def __init__(self, server):
        from tests.sessions import lend

        self.server = server
        self.name = f"propload_test_{os.getpid()}"
        make = f"CREATE DATABASE {self.name} TEMPLATE template0"
        run_outside_transaction(server, make)
        self.dsn = with_database(server, self.name)
        self._session = open_session(self.dsn)
        lend(self.dsn)

    def empty(self):
        """Return the connection string of the database, which is empty now."""
        try:
            run(self._session, END_OTHER_SESSIONS)
        except Exception:  # noqa: BLE001 - a test may have restarted the server
            self._session = open_session(self.dsn)
            run(self._session, END_OTHER_SESSIONS)
        run(self._session, EMPTY_DATABASE)
        return self.dsn

    def drop(self):
        from tests.sessions import forget

        forget(self.dsn)
        self._session.close()
        drop = f"DROP DATABASE {self.name} WITH (FORCE)"
        run_outside_transaction(self.server, drop)


@pytest.fixture(scope="session")
def test_database(servers, postgres_dsn):
    """Name the database that tests have in turn."""
    return servers.database_of(postgres_dsn)


@pytest.fixture
def database(test_database):
    """Give the test an empty database. Value: its connection string."""
    # emptied, as making one anew takes twenty times as long
    return test_database.empty()


@pytest.fixture(scope="module")
def module_database(test_database):
    """Give a module's tests one empty database; not to be mixed with `database`."""
    return test_database.empty()


@pytest.fixture
def connection(database):
    """Open a connection to the test's own database."""
    from propload.postgres.session.connection import connect

    with connect(database) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_data():
    """Find the folder of real input; it is not part of the repository."""
    named = os.environ.get("PROPLOAD_SHARED")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"{folder} is missing: name the folder with PROPLOAD_SHARED"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def with_database(dsn, name):
    """Return a connection string like another one, for another database."""
    from propload.postgres.session.dsn import parse_dsn

    if not dsn.startswith(("postgres://", "postgresql://")):
        return f"{dsn} dbname={name}"
    separator = "&" if "?" in dsn else "?"
    assert parse_dsn(dsn)
    return f"{dsn}{separator}dbname={name}"


def run_outside_transaction(dsn, sql):
    """Run a statement that PostgreSQL allows in no transaction."""
    with open_session(dsn) as session:
        run(session, sql)


def open_session(dsn):
    """Open a session that commits each statement by itself."""
    from adbc_driver_postgresql import dbapi

    return dbapi.connect(dsn, autocommit=True)


def run(session, sql):
    """Run one statement in such a session."""
    with session.cursor() as cursor:
        cursor.execute(sql)
