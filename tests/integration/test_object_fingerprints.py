"""Another process computes the same fingerprints of mappings and schemas."""

import os
import subprocess
import sys

import pytest

from tests.own_objects import PROGRAMS, marked

SCRIPT = """
import pandera.pandas
from importlib import import_module
from propload.running.resuming.object_fingerprints import object_fingerprint
for number in range({0}):
    print(object_fingerprint(import_module(f"users_own{{number}}").made))
"""


@pytest.mark.one_server
def test_another_process_computes_the_same_fingerprints(tmp_path):
    """Other imports, the order of sets and the paths of files must not matter."""
    programs = [program.format(3) for program in PROGRAMS.values()]
    for number, program in enumerate(programs):
        (tmp_path / f"users_own{number}.py").write_text(f"# a line more\n{program}")
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(len(programs))],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == [marked(program) for program in programs]
