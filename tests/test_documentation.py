"""The documentation agrees with the program, and its examples are valid."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
import shlex
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import propload
from propload import cli
from propload.config import SETTINGS

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "propload"
ABOUT = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [REPOSITORY / name for name in ABOUT]
PAGES += sorted((REPOSITORY / "docs").glob("**/*.md"))


def commands():
    """Yield the words and the object of every command that is not a group."""

    def below(words, command):
        if not hasattr(command, "commands"):
            yield words, command
        for name, part in getattr(command, "commands", {}).items():
            yield from below((*words, name), part)

    for name in cli.COMMANDS:
        yield from below(("propload", name), cli.load_command(name))


COMMANDS = dict(commands())


def blocks(language):
    """Yield page, line number and text of each block of code in the documentation."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in pattern.finditer(text):
            yield page, text.count("\n", 0, found.start()) + 1, found[1]


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


def test_page_has_no_command_that_does_not_exist():
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


def texts_of_the_program():
    """Yield file and text of each string in the program that is not a docstring."""
    homes = (REPOSITORY / "propload", REPOSITORY / "spiders/propload_spiders")
    for path in sorted(path for home in homes for path in home.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        docstrings = {id(one.value) for one in nodes if isinstance(one, ast.Expr)}
        for node in nodes:
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and id(node) not in docstrings:
                yield path, node.value


def test_no_message_names_a_group_without_one_of_its_commands():
    groups = {words[1] for words in COMMANDS if len(words) > 2}
    named = re.compile(rf"propload ({'|'.join(groups)})\b(?: ([a-z]+))?")
    for path, text in texts_of_the_program():
        for group, word in named.findall(text):
            assert ("propload", group, word) in COMMANDS, (path, text)


#: Messages of the system and the server, which propload only passes on.
FOREIGN_MESSAGES = re.compile(
    "No space left on device|Connection refused|permission denied"
)

#: What differs from one message to the next: names, numbers, values, parts of others.
VARIABLE_PARTS = re.compile(
    r"[A-Z]{2,}|\.\.\.|\d+|'[^']*'|: |\b(?:it|root|integer)\b|[(),`]"
)


def quoted_messages():
    """Yield each message that the page on troubleshooting quotes."""
    page = (REPOSITORY / "docs/troubleshooting.md").read_text(encoding="utf-8")
    for line in page.splitlines():
        if line.startswith("| "):
            yield from re.findall(r"`([^`]+)`", line.split(" | ")[0])


def test_messages_are_quoted_as_the_program_prints_them():
    program_text = "\0".join(text for _, text in texts_of_the_program())
    parts = [
        part.strip()
        for message in quoted_messages()
        if not FOREIGN_MESSAGES.search(message) and not message.startswith("propload ")
        for part in VARIABLE_PARTS.split(message)
        if len(part.strip()) > 4
    ]
    assert len(parts) > 30
    assert [part for part in parts if part not in program_text] == []


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
def test_configuration_in_the_documentation_is_valid(block, tmp_path, monkeypatch):
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


def api_script():
    """Return the names defined by the script that makes the API page."""
    # run, not imported, which would leave a folder of bytecode between the pages
    return SimpleNamespace(**runpy.run_path(str(REPOSITORY / "docs/make_api.py")))


def test_api_page_is_made_from_the_current_docstrings():
    script = api_script()
    api_page = script.PAGE.read_text(encoding="utf-8")
    # if it is not: python docs/make_api.py
    assert api_page == script.page()
    assert not (REPOSITORY / "docs/__pycache__").exists()
    assert "Anything not listed here may change in any release." in api_page


def test_the_page_of_the_api_says_what_methods_take_and_raise():
    """Only the first paragraph of a method was shown, without its errors."""
    told = api_script().PAGE.read_text(encoding="utf-8")
    put = told.partition("- `put(rows")[2].partition("\n- `")[0]
    for line in inspect.getdoc(propload.Loader.put).splitlines():
        assert line.strip().partition(": ")[2] in put


def test_api_page_has_every_name_that_other_pages_import():
    api_page = api_script().PAGE.read_text(encoding="utf-8")
    headings = set(re.findall(r"^### (\w+)$", api_page, re.MULTILINE))
    assert set(propload.__all__) <= headings
    for page, _, text in blocks("python"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("propload."):
                assert {one.name for one in node.names} <= headings, page.name


def test_no_decision_is_written_twice():
    # joining two branches may leave two versions of a line, side by side
    text = (REPOSITORY / "docs/decisions.md").read_text(encoding="utf-8")
    beginnings = re.findall(r"^- \*\*(.{1,50})", text, re.MULTILINE)
    # on a page of another form, the pattern would find nothing
    assert len(beginnings) > 80
    assert len(beginnings) == text.count("\n- ")
    assert sorted(set(beginnings)) == sorted(beginnings)


def test_links_in_the_documentation_lead_to_existing_files():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", text):
            if link and "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_continuous_integration_runs_the_commands_of_the_readme():
    script = (REPOSITORY / ".ci/run").read_text(encoding="utf-8")
    patterns = re.findall(r"grep -E '([^']+)' README\.md", script)
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    found = [re.findall(pattern, text, re.MULTILINE) for pattern in patterns]
    assert [len(commands) for commands in found] == [1, 1]
    for (command,) in found:
        assert any(command in block for _, _, block in blocks("sh"))
    # the command is not repeated there, so it cannot differ
    assert "pip install" not in script


# --- the page on the code -------------------------------------------------------


def test_every_module_named_on_the_architecture_page_exists():
    page = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+(?:\.py)?)/?`", page))
    # the steps of a transaction are named by their file names alone
    alone = set(re.findall(r"`([a-z_]+\.py)`", page))
    assert len(named) > 10
    assert len(alone) > 5
    roots = [REPOSITORY, REPOSITORY / "propload", REPOSITORY / "spiders"]
    places = [*roots, PACKAGE / "postgres/writing", PACKAGE / "postgres"]
    missing = [
        name
        for name in sorted(named | alone)
        if not any((place / name).exists() for place in places)
    ]
    assert missing == []
