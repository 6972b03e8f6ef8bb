"""What is given to others: dependencies, constraints, files that name no machine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement

from tests.repository import REPOSITORY, imported, short, sources


def described():
    """Return what pyproject.toml says."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))


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


def test_the_constraints_are_names_and_versions_only():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line), line
    names = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    assert {"polars", "scrapy", "pytest", "typer"} <= names


def needed(*extras):
    """Return what propload needs, with some of its extras, with the bounds."""
    project = described()["project"]
    optional = project["optional-dependencies"]
    lists = [project["dependencies"], *(optional[extra] for extra in extras)]
    return [Requirement(line) for needs in lists for line in needs]


def test_the_constraints_hold_each_need_of_the_tests_within_its_bounds():
    # with a version outside of them nothing could be installed
    text = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    held = {
        normal(name): version
        for name, _, version in (line.partition("==") for line in text.splitlines())
    }
    outside = [
        str(need)
        for need in needed("test")
        if not (version := held.get(normal(need.name)))
        or not need.specifier.contains(version)
    ]
    assert outside == []


def test_the_source_distribution_holds_what_the_readme_links_to():
    how = described()["tool"]["hatch"]["build"]["targets"].get("sdist", {})
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


def test_nothing_lies_at_the_top_that_does_not_belong_there():
    top = {path.relative_to(REPOSITORY).parts[0] for path in tracked()}
    folders = {".ci", "benchmarks", "docs", "notebooks", "propload", "spiders", "tests"}
    pages = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"}
    assert top == folders | pages | {".gitignore", "constraints.txt", "pyproject.toml"}


def declared():
    """Return the names of the distributions that propload needs."""
    return {normal(need.name) for need in needed()}


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
