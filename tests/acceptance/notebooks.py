"""Committed notebooks run again, in a kernel of their own."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
#: Those of a number from 10 on measure; the others show how propload is used.
MEASURING = [path for path in NOTEBOOKS if path.stem[:2] >= "10"]
LESSONS = [path for path in NOTEBOOKS if path not in MEASURING]
#: A cell may run every peer, on a machine that does other work; a hung one ends.
CELL_SECONDS = 500


def run_again(path, folder):
    """Run a notebook small, in a folder; no cell of it may fail."""
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
