"""A loader belongs to the process that opened it."""

import subprocess
import sys

import pytest

from tests.integration.reading import read_table

pytestmark = pytest.mark.timeout(60)

FORKS = """
import os, sys
import propload
with propload.Loader(to=sys.argv[1], table="homes", key="id") as loader:
    loader.put({"id": 1})
    child = os.fork()
    if not child:
        try:
            loader.put({"id": 2})
        except propload.ConfigError as error:
            print(error, flush=True)
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    loader.put({"id": 3})
print(os.waitstatus_to_exitcode(status))
"""


def test_a_fork_is_told_to_open_a_loader_of_its_own(database):
    done = subprocess.run(
        [sys.executable, "-c", FORKS, database],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    said, code = done.stdout.splitlines()
    assert "open one in each process" in said
    assert code == "7"
    assert sorted(read_table(database, "homes")["id"]) == [1, 3]
