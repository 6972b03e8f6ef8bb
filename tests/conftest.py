"""Servers, databases and folders that tests run in."""

from __future__ import annotations

import itertools
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
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
_numbers = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption(
        "--long", action="store_true", help="run the long form of fault tests"
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="the long form: run with --long")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def state_dir(tmp_path, monkeypatch):
    """Give each test a state folder of its own and no settings from outside."""
    kept = {"PROPLOAD_TEST_DSN", "PROPLOAD_SHARED"}
    for name in list(os.environ):
        if name.startswith(("PROPLOAD_", "PG")) and name not in kept:
            monkeypatch.delenv(name)
    folder = tmp_path / "state"
    monkeypatch.setenv("PROPLOAD_STATE_DIR", str(folder))
    yield folder
    if (folder / "embedded.lock").exists():
        from propload.postgres import embedded

        embedded.destroy(folder)


@pytest.fixture(scope="session", params=["18", "15"])
def postgres_server(request):
    """Run a private server; ends with the session. Value: its connection string."""
    given = os.environ.get("PROPLOAD_TEST_DSN")
    if given:
        if request.param != "18":
            pytest.skip("PROPLOAD_TEST_DSN names the one server to test with")
        yield given
        return
    with running_cluster(request.param) as cluster:
        yield cluster.dsn


@contextmanager
def running_cluster(version):
    """Run a cluster of a major version in a temporary folder."""
    from propload.postgres.cluster import Cluster
    from propload.postgres.embedded import bundled_programs, server_account

    programs, locale = bundled_programs(), ()
    if version == "15":
        if not (DEBIAN_15 / "postgres").exists():
            pytest.skip("Debian's PostgreSQL 15 is not installed")
        # text in the order of a language shows where byte order was taken for granted
        programs, locale = DEBIAN_15, ("--locale-provider=icu", "--icu-locale=en-US")
    home = Path(tempfile.mkdtemp(prefix=f"propload-test-{version}-"))
    cluster = Cluster(home, programs, server_account(), locale)
    try:
        cluster.start(settings=QUICK)
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def postgres_dsn(postgres_server):
    """Name the server's own database; tests make theirs with `database`."""
    return postgres_server


@pytest.fixture(scope="session")
def template(postgres_dsn):
    """Make the database that each test's own is a copy of."""
    name = f"propload_template_{os.getpid()}"
    run_outside_transaction(postgres_dsn, f"CREATE DATABASE {name} TEMPLATE template0")
    yield name
    run_outside_transaction(postgres_dsn, f"DROP DATABASE {name}")


@pytest.fixture
def database(postgres_dsn, template):
    """Make an empty database for one test. Value: its connection string."""
    name = f"propload_test_{os.getpid()}_{next(_numbers)}"
    run_outside_transaction(postgres_dsn, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield with_database(postgres_dsn, name)
    run_outside_transaction(postgres_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def connection(database):
    """Open a connection to the test's own database."""
    from propload.postgres.connection import connect

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
    from propload.postgres.dsn import parse_dsn

    if not dsn.startswith(("postgres://", "postgresql://")):
        return f"{dsn} dbname={name}"
    separator = "&" if "?" in dsn else "?"
    assert parse_dsn(dsn)
    return f"{dsn}{separator}dbname={name}"


def run_outside_transaction(dsn, sql):
    """Run a statement that PostgreSQL allows in no transaction."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(dsn, autocommit=True) as opened, opened.cursor() as cursor:
        cursor.execute(sql)
