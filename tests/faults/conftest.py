"""Fixtures: a server that can be killed, and databases on it."""

from __future__ import annotations

import contextlib
import itertools
import random
import tempfile
from pathlib import Path

import pytest

from tests.faults.server import DurableServer, observer

_numbers = itertools.count()
#: Time limit in seconds of a test's long form; the longest takes half an hour.
LONGEST = 3_600


def pytest_collection_modifyitems(config, items):
    """Raise the time limits for long forms: those in the modules are for short ones."""
    if not config.getoption("--long"):
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(LONGEST))


@pytest.fixture(scope="session")
def server():
    """Run a private server that survives being killed, until the session ends."""
    home = Path(tempfile.mkdtemp(prefix="propload-faults-"))
    with contextlib.closing(DurableServer(home)) as running:
        yield running
        observer.close()


@pytest.fixture
def dsn(server):
    """Create an empty database; yield its connection string."""
    server.start()
    name = f"faults_{next(_numbers)}"
    server.run_outside_transaction(f"CREATE DATABASE {name}")
    yield server.dsn_of(name)
    server.start()
    server.run_outside_transaction(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def long(request):
    """Return whether the long form is to run."""
    return request.config.getoption("--long")


@pytest.fixture
def chance():
    """Return a random number generator; a failing test shows its seed."""
    seed = random.randrange(2**32)  # noqa: S311 - not a secret
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)  # noqa: S311 - not a secret
