"""The notebooks that measure run again with few rows."""

from __future__ import annotations

import pytest

from tests.acceptance.notebooks import CELL_SECONDS, MEASURING, run_again

# the kernel's own libraries warn of each other; what the notebooks do is theirs
pytestmark = [
    pytest.mark.timeout(CELL_SECONDS + 100),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.mark.parametrize("path", MEASURING, ids=lambda path: path.stem)
def test_a_notebook_runs_again(path, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTEBOOK_SIZE", "small")
    # not among what this machine has measured
    monkeypatch.setenv("BENCHMARK_RESULTS", str(tmp_path / "results"))
    run_again(path, tmp_path)
