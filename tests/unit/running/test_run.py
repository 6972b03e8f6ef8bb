"""Runs that end before they have begun."""

import pytest

from propload import Metrics
from propload.running.planning import Plan
from propload.running.run import Run
from propload.testing import MemorySource

pytestmark = pytest.mark.timeout(20)


class Broken(Metrics):
    """Counters of a program's own, which fail it."""

    def set_memory(self, resident_bytes):
        msg = f"no room for {resident_bytes}"
        raise MemoryError(msg)


def test_who_stops_a_run_that_could_not_begin_does_not_wait(tmp_path):
    plan = Plan.of({"state_dir": tmp_path, "table": "homes"})
    run = Run(MemorySource([]), plan, metrics=Broken())
    with pytest.raises(MemoryError):
        run.execute()
    run.stop()
