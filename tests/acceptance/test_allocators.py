"""The allocators of a command's process, and of a program that imports propload."""

import subprocess
import sys

COMMAND = """
from propload.__main__ import main
import sys
sys.argv = ["propload", "--version"]
try:
    main()
except SystemExit:
    pass
"""
ASKED = "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"


def pool_after(begun, monkeypatch):
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    ended = subprocess.run(
        [sys.executable, "-c", begun + ASKED],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return ended.stdout.split()[-1]


def test_a_command_has_arrow_give_back_what_it_has_freed(monkeypatch):
    assert pool_after(COMMAND, monkeypatch) == "system"


def test_a_program_that_imports_propload_keeps_its_own(monkeypatch):
    before = pool_after("", monkeypatch)
    assert pool_after("import propload.loader\n", monkeypatch) == before
