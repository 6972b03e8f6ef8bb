"""What is distributed: dependencies, constraints, and files that name no machine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from tests.repository import REPOSITORY, imported_packages, relative_name, source_files


def pyproject():
    """Return the contents of pyproject.toml."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))


def tracked_files():
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


def test_constraints_are_names_and_versions_only():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        pin, _, marker = line.partition("; ")
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", pin), line
        assert not marker or Marker(marker), line
    names = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    assert {"polars", "scrapy", "pytest", "typer"} <= names


def requirements(*extras):
    """Return the requirements of propload and of some of its extras."""
    project = pyproject()["project"]
    optional = project["optional-dependencies"]
    lists = [project["dependencies"], *(optional[extra] for extra in extras)]
    return [Requirement(line) for needs in lists for line in needs]


def test_constraints_satisfy_every_requirement_of_the_tests():
    # with a version outside of the bounds, nothing could be installed
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines]
    versions = {
        normal(pin.name): next(iter(pin.specifier)).version
        for pin in pins
        if is_for_this_python(pin)
    }
    outside = [
        str(need)
        for need in filter(is_for_this_python, requirements("test"))
        if not (version := versions.get(normal(need.name)))
        or not need.specifier.contains(version)
    ]
    assert outside == []


def is_for_this_python(requirement):
    return requirement.marker is None or requirement.marker.evaluate()


def test_source_distribution_contains_what_the_readme_links_to():
    settings = pyproject()["tool"]["hatch"]["build"]["targets"].get("sdist", {})
    assert set(settings) <= {"exclude"}
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    linked = {one for one in re.findall(r"\]\(([^)#]+)", text) if "://" not in one}
    assert {"CONTRIBUTING.md", "SECURITY.md", "notebooks"} <= linked
    kept = tracked_files()
    left_out = [each.strip("/") for each in settings.get("exclude", ())]
    for link in linked:
        inside = [path for path in kept if path.is_relative_to(REPOSITORY / link)]
        assert inside, link
        assert not any(link.startswith(one) for one in left_out)


def test_top_folder_has_only_known_files_and_folders():
    top = {path.relative_to(REPOSITORY).parts[0] for path in tracked_files()}
    folders = {".ci", "benchmarks", "docs", "notebooks", "propload", "spiders", "tests"}
    pages = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"}
    assert top == folders | pages | {".gitignore", "constraints.txt", "pyproject.toml"}


def declared_distributions():
    """Return the names of the distributions that propload needs."""
    return {normal(need.name) for need in requirements()}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_imported_package_is_a_declared_dependency():
    # an undeclared one is installed only as long as another package needs it
    own = {"propload", "propload_spiders", *sys.stdlib_module_names}
    names, needs = packages_distributions(), declared_distributions()
    strangers = {
        f"{relative_name(path)}: {name}"
        for path in source_files("propload", "spiders")
        for name in imported_packages(path) - own
        if needs.isdisjoint(map(normal, names.get(name, [name])))
    }
    assert strangers == set()


#: Written in parts, so that this file does not contain what it forbids.
FORBIDDEN = {
    "a home folder": re.compile(r"/(ro" + r"ot|Users)/|/ho" + r"me/(?!someone)\w+/"),
    "a folder of the work place": re.compile(r"/wo" + r"rk/|/tmp/la" + r"b\b"),
    "an index host": re.compile(
        r"py" + r"pi\.org|pythonho" + r"sted|index" + r"-url|find" + r"-links"
    ),
}


@pytest.mark.parametrize("forbidden", FORBIDDEN)
def test_no_file_names_a_machine_or_an_index(forbidden):
    found = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if match := FORBIDDEN[forbidden].search(text):
            found.append(f"{relative_name(path)}: {match[0]}")
    assert found == []
