import os

import pytest

from propload.errors import ConfigError
from propload.process import forking

pytestmark = pytest.mark.timeout(30)


def in_fork(do):
    """Return what a forked process says of doing something."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            do()
            said = "done"
        except ConfigError as error:
            said = str(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        return answer.read()


@pytest.fixture
def unused(monkeypatch):
    """A process that has used neither propload nor Polars."""
    monkeypatch.setattr(forking, "_USED_BY", set())
    # other tests of this process have
    monkeypatch.setattr(forking, "_has_workers", lambda: False)


@pytest.mark.usefixtures("unused")
def test_a_fork_before_the_first_use_may_load():
    assert in_fork(forking.refuse_forked) == "done"


@pytest.mark.usefixtures("unused")
def test_a_fork_after_it_is_refused_and_the_process_itself_goes_on():
    forking.refuse_forked()
    assert "'spawn'" in in_fork(forking.refuse_forked)
    forking.refuse_forked()
