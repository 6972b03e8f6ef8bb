"""A server to be killed, and databases on it."""

from __future__ import annotations

import contextlib
import itertools
import random
import tempfile
from pathlib import Path

import pytest

from tests.faults.server import DurableServer

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server():
    """Run a private server that survives being killed; ends with the session."""
    home = Path(tempfile.mkdtemp(prefix="propload-faults-"))
    with contextlib.closing(DurableServer(home)) as running:
        yield running


@pytest.fixture
def dsn(server):
    """Make an empty database. Value: its connection string."""
    server.start()
    name = f"faults_{next(_numbers)}"
    server.run_outside_transaction(f"CREATE DATABASE {name}")
    yield server.dsn_of(name)
    server.start()
    server.run_outside_transaction(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def long(request):
    """Tell whether this is the long form."""
    return request.config.getoption("--long")


@pytest.fixture
def chance():
    """Give a source of chance; a failing test shows its seed."""
    seed = random.randrange(2**32)  # noqa: S311 - not a secret
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)  # noqa: S311 - not a secret
