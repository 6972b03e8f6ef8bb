"""The code of the documentation does what it says."""

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


def command_with(words):
    """Return the README's first command with some words, after what it installs."""
    line = re.search(rf"^.*{words}.*$", README, re.MULTILINE)[0]
    return line.rpartition("-c constraints.txt . && ")[2]


def picture_of(beginning):
    """Return the picture of output in the README that begins in a certain way."""
    shown = re.search(
        rf"^```text\n({beginning}.*?)^```", README, re.MULTILINE | re.DOTALL
    )
    return shown[1]


@pytest.fixture
def programs(tmp_path):
    """Make `.venv/bin` in the test's folder, with the programs under test."""
    place = tmp_path / ".venv" / "bin"
    place.mkdir(parents=True)
    for name in ("propload", "python"):
        program = place / name
        target = Path(sys.executable).with_name(name)
        program.write_text(f'#!/bin/sh\nexec "{target}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return place


@pytest.mark.parametrize(
    ("words", "beginning"),
    [
        ("bin/propload demo", "A made-up"),
        ("bin/propload ingest listings", r"listings\.csv"),
    ],
    ids=["demo", "file"],
)
def test_a_command_shows_what_the_readme_shows(tmp_path, programs, words, beginning):
    shell = shutil.which("sh")
    ended = subprocess.run(
        [shell, "-euc", command_with(words)],
        cwd=tmp_path,
        env={**os.environ, "PAGER": "cat"},
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    assert same_everywhere(ended.stdout) == same_everywhere(picture_of(beginning))


def same_everywhere(text):
    """Return the lines of a report without what no two runs have in common."""
    text = re.sub(r" in \S.*: loaded", ": loaded", text)
    text = re.sub(r"^ +[\d.,]+ s, .*$", "(pace)", text, flags=re.MULTILINE)
    text = re.sub(r"rejects show \S+", "rejects show RUN", text)
    text = re.sub(r"run \S+, began .*", "run RUN, began NOW", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "SITE", text)
    # the program is named as it was called where no shell finds it
    text = re.sub(r"\S*bin/propload", "propload", text)
    named = r"^(  (?:propload|notebooks/)\S*(?: \S+)*?) {2,}"
    text = re.sub(named, r"\1  ", text, flags=re.MULTILINE)
    # the demo's seconds: the last number of a crawl's line, and of the whole
    text = re.sub(r"^(\S.*\D\d+) +\d+\.\d$", r"\1 (seconds)", text, flags=re.MULTILINE)
    text = re.sub(r"; \d+ s in all", "; (seconds) in all", text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)])
def test_python_of_a_page_runs(page, tmp_path):
    blocks = python_blocks(page)
    data = re.search(r"printf '([^']*)' > listings\.csv", README)[1]
    (tmp_path / "listings.csv").write_text(data.replace("\\n", "\n"), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        timeout=150,
        check=True,
    )
