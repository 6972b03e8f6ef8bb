"""A locale that knows only ASCII, as cron and old systems set it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

JOB = """
[jobs.daily]
source = "straße/*.csv"
mapping = "größe.toml"
state_dir = "zustände"
table = "homes"
key = "id"
"""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def run_propload(*arguments, folder, dsn):
    """Run a command in such a locale; return the JSON that it prints."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PROPLOAD_")}
    completed = subprocess.run(
        [sys.executable, "-m", "propload", *arguments],
        cwd=folder,
        env={**inherited, **ASCII, "PROPLOAD_TO": dsn},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    return json.loads(completed.stdout)


def test_non_ascii_paths_of_the_configuration_file_are_found(database, tmp_path):
    (tmp_path / "straße").mkdir()
    (tmp_path / "straße" / "häuser.csv").write_text("nr\n1\n", encoding="utf-8")
    mapping = '[columns]\nid = "nr"\n'
    (tmp_path / "größe.toml").write_text(mapping, encoding="utf-8")
    (tmp_path / "propload.toml").write_text(JOB, encoding="utf-8")
    loaded = run_propload(
        "ingest", "--job", "daily", "--json", folder=tmp_path, dsn=database
    )
    assert loaded["counts"]["inserted"] == 1
    kept = [path.stem for path in (tmp_path / "zustände" / "runs").glob("*.json")]
    assert kept == [loaded["run_id"]]
