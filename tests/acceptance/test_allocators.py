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
PRINT_POOL = "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"


def pool_after(code, monkeypatch, query=PRINT_POOL):
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    completed = subprocess.run(
        [sys.executable, "-c", code + query],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert not completed.stderr  # Arrow would say here that a pool is not supported
    return completed.stdout.splitlines()[-1].split()


def test_command_uses_the_allocator_that_returns_freed_memory(monkeypatch):
    print_supported = "import pyarrow; print(*pyarrow.supported_memory_backends())\n"
    supported = pool_after("", monkeypatch, print_supported)
    expected = "jemalloc" if "jemalloc" in supported else "system"
    assert pool_after(COMMAND, monkeypatch) == [expected]


def test_program_that_imports_propload_keeps_its_allocator(monkeypatch):
    before = pool_after("", monkeypatch)
    assert pool_after("import propload.loader\n", monkeypatch) == before
