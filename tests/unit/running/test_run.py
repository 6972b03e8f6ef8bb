"""Runs that fail before they have begun."""

import pytest

from propload import Metrics
from propload.running.planning import Plan
from propload.running.run import Run
from propload.testing import MemorySource

pytestmark = pytest.mark.timeout(20)


class FailingMetrics(Metrics):
    """A program's own counters, which fail."""

    def set_memory(self, resident_bytes):
        msg = f"no room for {resident_bytes}"
        raise MemoryError(msg)


def test_stop_of_a_run_that_could_not_begin_does_not_wait(tmp_path):
    plan = Plan.of({"state_dir": tmp_path, "table": "homes"})
    run = Run(MemorySource([]), plan, metrics=FailingMetrics())
    with pytest.raises(MemoryError):
        run.execute()
    run.stop()
