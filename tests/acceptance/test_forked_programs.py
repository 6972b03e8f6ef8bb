"""Programs that fork: a child that could hang is refused, others may load."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(30)

#: Forks as multiprocessing does; the child prints whether it may load.
FORK = """
from propload.process.forking import refuse_forked

def load():
    try:
        refuse_forked()
        print("it loads", flush=True)
    except propload.ConfigError as error:
        print(error, flush=True)

child = multiprocessing.get_context("fork").Process(target=load)
child.start()
child.join()
refuse_forked()
"""
IMPORTS = "import multiprocessing, os, propload, polars as pl\n"


def output_of_fork(*lines):
    """Return what a forked child prints, after its parent has run some lines."""
    code = IMPORTS + "\n".join(lines) + FORK
    command = [sys.executable, "-W", "ignore", "-c", code]
    completed = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=25
    )
    return completed.stdout.strip()


@pytest.mark.parametrize(
    "use",
    [
        'pl.LazyFrame({"a": [1]}).collect()',
        'pl.DataFrame({"a": [2, 1]}).sort("a")',
        "pl.thread_pool_size()",
    ],
)
def test_fork_after_polars_was_used_is_refused(use):
    # threads get their names a moment after they have started
    await_thread_names = (
        "from propload.process import forking\nwhile not forking._has_workers(): pass"
    )
    assert "had used propload or Polars before" in output_of_fork(
        use, await_thread_names
    )


@pytest.mark.parametrize(
    "lines", ["", "from propload import ingest", 'pl.DataFrame({"a": [1]})']
)
def test_fork_after_polars_was_only_imported_may_load(lines):
    # Polars then has no threads for which the child would wait
    assert output_of_fork(lines) == "it loads"


def test_fork_is_refused_if_threads_of_polars_cannot_be_recognized():
    other_thread_names = 'os.environ["POLARS_THREAD_NAME"] = "mine"'
    assert "'spawn'" in output_of_fork(other_thread_names)
    no_thread_list = (
        "import pathlib, propload.process.forking",
        'propload.process.forking._THREADS = pathlib.Path("/no/such/folder")',
    )
    assert "'spawn'" in output_of_fork(*no_thread_list)
