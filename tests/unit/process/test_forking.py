import os

import pytest

from propload.errors import ConfigError
from propload.process import forking

pytestmark = pytest.mark.timeout(30)


def outcome_in_fork(action):
    """Return how an action ended in a forked process: "done", or its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            action()
            outcome = "done"
        except ConfigError as error:
            outcome = str(error)
        os.write(writing, outcome.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        return answer.read()


@pytest.fixture
def unused(monkeypatch):
    """Pretend that this process has used neither propload nor Polars."""
    monkeypatch.setattr(forking, "_USED_BY", set())
    # other tests in this process have used them
    monkeypatch.setattr(forking, "_has_workers", lambda: False)


@pytest.mark.usefixtures("unused")
def test_fork_before_the_first_use_is_allowed():
    assert outcome_in_fork(forking.refuse_forked) == "done"


@pytest.mark.usefixtures("unused")
def test_fork_after_the_first_use_is_refused_but_its_parent_is_not():
    forking.refuse_forked()
    assert "'spawn'" in outcome_in_fork(forking.refuse_forked)
    forking.refuse_forked()
