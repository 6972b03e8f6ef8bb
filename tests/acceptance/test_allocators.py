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


def pool_after(begun, monkeypatch, asked=ASKED):
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    ended = subprocess.run(
        [sys.executable, "-c", begun + asked],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert not ended.stderr  # where Arrow says that a pool is not supported
    return ended.stdout.splitlines()[-1].split()


def test_a_command_has_arrow_give_back_what_it_has_freed(monkeypatch):
    listed = "import pyarrow; print(*pyarrow.supported_memory_backends())\n"
    supported = pool_after("", monkeypatch, listed)
    wanted = "jemalloc" if "jemalloc" in supported else "system"
    assert pool_after(COMMAND, monkeypatch) == [wanted]


def test_a_program_that_imports_propload_keeps_its_own(monkeypatch):
    before = pool_after("", monkeypatch)
    assert pool_after("import propload.loader\n", monkeypatch) == before
