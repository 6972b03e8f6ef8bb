"""The commands and code of the documentation work as shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(180)

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = [
    "README.md",
    *sorted(f"docs/{p.name}" for p in (REPOSITORY / "docs").glob("*.md")),
]


def python_blocks(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def command_with(pattern):
    """Return the README's first command that matches, without the installation."""
    line = re.search(rf"^.*{pattern}.*$", README, re.MULTILINE)[0]
    return line.rpartition("-c constraints.txt . && ")[2]


def sample_of(beginning):
    """Return the sample of output in the README that begins with a pattern."""
    sample = re.search(
        rf"^```text\n({beginning}.*?)^```", README, re.MULTILINE | re.DOTALL
    )
    return sample[1]


@pytest.fixture
def programs(tmp_path):
    """Make `.venv/bin` in the test's folder, with the programs under test."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("propload", "python"):
        program = folder / name
        target = Path(sys.executable).with_name(name)
        program.write_text(f'#!/bin/sh\nexec "{target}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("pattern", "beginning"),
    [
        ("bin/propload demo", "A made-up"),
        ("bin/propload ingest listings", r"listings\.csv"),
    ],
    ids=["demo", "file"],
)
def test_command_prints_what_the_readme_shows(tmp_path, programs, pattern, beginning):
    shell = shutil.which("sh")
    completed = subprocess.run(
        [shell, "-euc", command_with(pattern)],
        cwd=tmp_path,
        env={**os.environ, "PAGER": "cat"},
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    assert comparable_lines(completed.stdout) == comparable_lines(sample_of(beginning))


def comparable_lines(text):
    """Return the lines of a report without what differs from run to run."""
    text = re.sub(r" in \S.*: loaded", ": loaded", text)
    text = re.sub(r"^ +[\d.,]+ s, .*$", "(pace)", text, flags=re.MULTILINE)
    text = re.sub(r"rejects show \S+", "rejects show RUN", text)
    text = re.sub(r"run \S+, began .*", "run RUN, began NOW", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "SITE", text)
    # a program that no shell finds is named as it was called
    text = re.sub(r"\S*bin/propload", "propload", text)
    named = r"^(  (?:propload|notebooks/)\S*(?: \S+)*?) {2,}"
    text = re.sub(named, r"\1  ", text, flags=re.MULTILINE)
    # the demo's seconds: the last number of a crawl's line, and of the whole
    text = re.sub(r"^(\S.*\D\d+) +\d+\.\d$", r"\1 (seconds)", text, flags=re.MULTILINE)
    text = re.sub(r"; \d+ s in all", "; (seconds) in all", text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)])
def test_python_code_of_a_page_runs(page, tmp_path):
    blocks = python_blocks(page)
    data = re.search(r"printf '([^']*)' > listings\.csv", README)[1]
    (tmp_path / "listings.csv").write_text(data.replace("\\n", "\n"), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        timeout=150,
        check=True,
    )
