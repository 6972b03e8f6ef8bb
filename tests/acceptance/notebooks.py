"""Run the committed notebooks again, each in a kernel of its own."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
#: Notebooks numbered 10 and up are benchmarks; the others show how to use propload.
MEASURING = [path for path in NOTEBOOKS if path.stem[:2] >= "10"]
LESSONS = [path for path in NOTEBOOKS if path not in MEASURING]
#: Time limit of a cell, which may run every peer on a busy machine.
CELL_SECONDS = 500


def run_again(path, folder):
    """Run a notebook in a folder, and fail if one of its cells does."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    assert all(
        output.output_type != "error"
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
