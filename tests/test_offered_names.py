"""Names that modules export exist, and errors are as documented."""

from __future__ import annotations

import ast
import importlib
import pickle
import pkgutil
import re

import pytest

import propload
from propload import errors
from propload.errors import PropLoadError
from tests.repository import PACKAGE, REPOSITORY


def modules():
    yield propload
    for found in pkgutil.walk_packages([str(PACKAGE)], "propload."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def test_every_name_that_a_module_exports_exists():
    for module in modules():
        offered = getattr(module, "__all__", [])
        assert len(set(offered)) == len(offered), module.__name__
        for name in offered:
            assert hasattr(module, name), f"{module.__name__}.{name}"


def test_package_exports_what_the_type_checker_sees():
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
    assert {"os", "sys", "_load", "import_module"}.isdisjoint(dir(propload))
    assert {"Loader", "Report", "check", "ingest", "rejects"} <= offered


def test_attribute_error_lets_python_suggest_the_name_that_was_meant():
    with pytest.raises(AttributeError, match="no attribute 'ingst'") as caught:
        propload.ingst  # noqa: B018 - what is tested
    assert (caught.value.name, caught.value.obj) == ("ingst", propload)


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


def test_every_error_is_named_error_and_has_a_documented_exit_code():
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
