"""Fixtures: the servers, databases and folders that tests run in."""

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
#: Where Debian's packages put PostgreSQL 15, the oldest version supported.
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
#: PostgreSQL versions to test with: the embedded one, and the oldest that is there. The
#: embedded one's package also holds version 16.
VERSIONS = ("18", "15" if (DEBIAN_15 / "postgres").exists() else "16")
#: Server settings for speed: tests create and drop hundreds of databases, none of which
#: must survive a crash.
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
    # a shell makes background jobs ignore SIGINT, which programs that tests start and
    # interrupt would inherit
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def keep_bytecode(folder):
    """Cache the bytecode of tests, and of programs they start, in pytest's cache.

    Whoever forbids Python to write bytecode wants none beside the sources; compiling
    everything in each run would take half of the unit tests' time.
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
    """Exempt everything imported and collected from garbage collection.

    It all stays until the end, and examining it repeatedly took an eighth of the unit
    tests' time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    # pytest has grouped the tests by server; sort them by path again, so that the files
    # of long tests (acceptance, faults) come first and those of unit last
    items.sort(key=lambda item: item.path)
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="the long form: run with --long")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)


def pytest_generate_tests(metafunc):
    """Run tests that need a server on each version, or only on the newest if marked."""
    if "postgres_server" in metafunc.fixturenames:
        alone = metafunc.definition.get_closest_marker("one_server")
        versions = VERSIONS[:1] if alone else VERSIONS
        metafunc.parametrize("postgres_server", versions, indirect=True)


_state_folders = itertools.count()


@pytest.fixture(autouse=True)
def state_dir(tmp_path_factory, monkeypatch):
    """Give each test its own state folder, and no settings from the environment."""
    kept = {"PROPLOAD_TEST_DSN", "PROPLOAD_SHARED"}
    for name in list(os.environ):
        if name.startswith(("PROPLOAD_", "PG")) and name not in kept:
            monkeypatch.delenv(name)
    # only named, not created: most tests never use it
    folder = tmp_path_factory.getbasetemp() / f"state{next(_state_folders)}"
    monkeypatch.setenv("PROPLOAD_STATE_DIR", str(folder))
    yield folder
    if (folder / "embedded.lock").exists():
        from propload.postgres.server import embedded

        embedded.destroy(folder)


class Servers:
    """The private servers of a test session, each started on first use."""

    def __init__(self, until_the_end):
        self._until_the_end = until_the_end
        self._running = {}
        self._databases = {}

    def dsn_of(self, version):
        """Return the connection string of the server with this major version."""
        if version not in self._running:
            cluster = self._until_the_end.enter_context(running_cluster(version))
            self._running[version] = cluster.dsn
        return self._running[version]

    def database_of(self, server):
        """Return the database on a server that tests use one after the other."""
        if server not in self._databases:
            database = TestDatabase(server)
            self._until_the_end.callback(database.drop)
            self._databases[server] = database
        return self._databases[server]


@pytest.fixture(scope="session")
def servers():
    """Keep all servers running until the end of the test session."""
    with ExitStack() as until_the_end:
        yield Servers(until_the_end)


@pytest.fixture(scope="session")
def postgres_server(request, servers):
    """Return a private server's connection string; tests run once per server."""
    dsn = os.environ.get("PROPLOAD_TEST_DSN")
    if not dsn:
        return servers.dsn_of(request.param)
    if request.param != VERSIONS[0]:
        pytest.skip("PROPLOAD_TEST_DSN names the one server to test with")
    return dsn


@contextmanager
def running_cluster(version):
    """Run a cluster with this major version in a temporary folder."""
    from propload.postgres.server.cluster import Cluster
    from propload.postgres.server.root_server import server_account
    from tests.programs import older_programs, server_programs

    if version == "15":
        # sorting text by a language's rules reveals code that assumes byte order
        programs, locale = DEBIAN_15, ("--locale-provider=icu", "--icu-locale=en-US")
    elif version == "16":
        programs, locale = older_programs(), ("--locale=C.UTF-8",)
    else:
        programs = server_programs()
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    home = Path(tempfile.mkdtemp(prefix=f"propload-test-{version}-"))
    cluster = Cluster(home, programs, server_account(), ("--no-sync", *locale))
    try:
        cluster.start(settings=QUICK)
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def postgres_dsn(postgres_server):
    """Return the DSN of the server's own database; `database` is for test data."""
    return postgres_server


class TestDatabase:
    """The database that tests use one after the other, and a session to empty it."""

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
        """Empty the database, and return its connection string."""
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
    """Return the database that tests use one after the other."""
    return servers.database_of(postgres_dsn)


@pytest.fixture
def database(test_database):
    """Return the connection string of an empty database."""
    # emptied, because creating a new one takes twenty times as long
    return test_database.empty()


@pytest.fixture(scope="module")
def module_database(test_database):
    """Return an empty database for a whole module, which must not use `database`."""
    return test_database.empty()


@pytest.fixture
def connection(database):
    """Open a connection to the test's database."""
    from propload.postgres.session.connection import connect

    with connect(database) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_data():
    """Return the folder of real data, which is not part of the repository."""
    named = os.environ.get("PROPLOAD_SHARED")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"{folder} is missing: name the folder with PROPLOAD_SHARED"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def with_database(dsn, name):
    """Return a connection string with the database replaced."""
    from propload.postgres.session.dsn import parse_dsn

    if not dsn.startswith(("postgres://", "postgresql://")):
        return f"{dsn} dbname={name}"
    separator = "&" if "?" in dsn else "?"
    assert parse_dsn(dsn)
    return f"{dsn}{separator}dbname={name}"


def run_outside_transaction(dsn, sql):
    """Run a statement that PostgreSQL does not allow in a transaction."""
    with open_session(dsn) as session:
        run(session, sql)


def open_session(dsn):
    """Open a session in autocommit mode."""
    from adbc_driver_postgresql import dbapi

    return dbapi.connect(dsn, autocommit=True)


def run(session, sql):
    """Run one statement in a session from `open_session`."""
    with session.cursor() as cursor:
        cursor.execute(sql)
