"""The committed notebooks: their outputs are complete, and they run again."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.acceptance.notebooks import CELL_SECONDS, LESSONS, NOTEBOOKS, run_again

# these warnings are raised by the kernel's libraries and by those of notebooks
pytestmark = [
    pytest.mark.timeout(CELL_SECONDS + 100),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

#: Folders of a machine, hosts of packages, and connection strings with a password.
PRIVATE = re.compile(
    r"(?<![\w.])/(?:home|root|tmp|var|work|opt|Users|mnt)/\w"
    r"|[A-Z]:\\\\Users|pypi|postgres(?:ql)?://[^\s\"]*:[^\s\"]*@"
)


def cells_of(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_expected_notebooks_exist():
    assert {"01_load_a_file", "02_crawl", "03_look_at_rejects"} <= {
        path.stem for path in NOTEBOOKS
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_with_its_complete_outputs(path):
    cells = cells_of(path)
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert "execute_result" in kinds
    assert "error" not in kinds
    assert PRIVATE.findall(path.read_text(encoding="utf-8")) == []
    shown = {
        kind for cell in cells for each in cell.outputs for kind in each.get("data", {})
    }
    # outputs that need a kernel are invisible to readers of the file
    assert shown <= {"text/plain", "text/html", "image/png"}


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_notebook_runs_again(path, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTEBOOK_SIZE", "small")
    run_again(path, tmp_path)
