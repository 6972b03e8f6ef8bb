"""The repository's files and their imports, and code run in a new process."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "propload"


def source_files(*folders):
    """Return the Python files below some folders of the repository."""
    return [
        path
        for folder in folders
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


def relative_name(path):
    """Return a path relative to the repository, as text."""
    return str(path.relative_to(REPOSITORY))


def in_another_process(code):
    """Run code in a fresh interpreter, and return its output."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def imported_packages(path):
    """Return the top-level packages that a file imports at run time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    packages = set()
    for node in walk_runtime(tree):
        if isinstance(node, ast.Import):
            packages |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            packages.add(node.module.partition(".")[0])
    return packages


def body_for_this_python(node):
    """Return the statements that `if sys.version_info >= (…)` has Python run."""
    since = ast.literal_eval(node.test.comparators[0])
    return node.body if sys.version_info >= since else node.orelse


def walk_runtime(node):
    """Yield all nodes below a node, except those under `if TYPE_CHECKING`.

    Of what depends on the version of Python, only the nodes for this one.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.If) and "version_info" in ast.unparse(child.test):
            yield from walk_runtime(ast.Module(body_for_this_python(child), []))
            continue
        yield child
        yield from walk_runtime(child)
