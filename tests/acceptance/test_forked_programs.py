"""Programs that fork: a child that could wait for ever is refused, others may load."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(30)

#: Forks as multiprocessing does, and tells what the child says of loading.
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


def said_by_fork(*lines):
    """Return what a fork says of loading, after its parent has done something."""
    code = IMPORTS + "\n".join(lines) + FORK
    words = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=25)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "use",
    [
        'pl.LazyFrame({"a": [1]}).collect()',
        'pl.DataFrame({"a": [2, 1]}).sort("a")',
        "pl.thread_pool_size()",
    ],
)
def test_a_fork_after_the_use_of_polars_is_refused(use):
    # threads take their names a moment after they have begun
    named = (
        "from propload.process import forking\nwhile not forking._has_workers(): pass"
    )
    assert "had used propload or Polars before" in said_by_fork(use, named)


@pytest.mark.parametrize(
    "lines", ["", "from propload import ingest", 'pl.DataFrame({"a": [1]})']
)
def test_a_fork_after_the_import_of_polars_may_load(lines):
    # Polars has no threads by then that the fork would wait for
    assert said_by_fork(lines) == "it loads"


def test_what_cannot_be_seen_is_taken_for_a_use():
    named = 'os.environ["POLARS_THREAD_NAME"] = "mine"'
    assert "'spawn'" in said_by_fork(named)
    elsewhere = (
        "import pathlib, propload.process.forking",
        'propload.process.forking._THREADS = pathlib.Path("/no/such/folder")',
    )
    assert "'spawn'" in said_by_fork(*elsewhere)
