"""The notebooks that measure can be run again, with few rows."""

from __future__ import annotations

import pytest

from tests.acceptance.notebooks import CELL_SECONDS, MEASURING, run_again

# these warnings are raised by the kernel's libraries and by those of notebooks
pytestmark = [
    pytest.mark.timeout(CELL_SECONDS + 100),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.mark.parametrize("path", MEASURING, ids=lambda path: path.stem)
def test_notebook_runs_again(path, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTEBOOK_SIZE", "small")
    # kept apart from the results measured on this machine
    monkeypatch.setenv("BENCHMARK_RESULTS", str(tmp_path / "results"))
    run_again(path, tmp_path)
