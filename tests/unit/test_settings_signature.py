"""The names of settings in the signatures of functions that take them."""

import inspect
from typing import get_type_hints

import pytest
from IPython.core.completer import IPCompleter

import propload
from propload.options import (
    FileSettings,
    JournalSettings,
    LedgerSettings,
    RecoverSettings,
    ReplaySettings,
    Settings,
    TableSettings,
)
from propload.settings_signature import names_settings


@names_settings(Settings)
def taker(source, /, *, job=None, **settings):
    return source, job, settings


def test_a_signature_names_each_setting_between_its_own_and_others():
    given = inspect.signature(taker)
    names = list(given.parameters)
    assert names == ["source", "job", *Settings.__annotations__, "settings"]
    assert str(given).startswith("(source, /, *, job=None, to: str = ..., table: ")
    assert taker("a", table="b") == ("a", None, {"table": "b"})


@pytest.mark.parametrize(
    "function", [propload.ingest, propload.check, propload.tune, propload.Loader]
)
def test_what_loads_names_its_settings(function):
    names = inspect.signature(function).parameters.keys()
    assert Settings.__annotations__.keys() <= names


@pytest.mark.parametrize("call", ["ingest('a.csv', ", "Loader("])
def test_a_notebook_completes_the_names_of_settings(call):
    assert completed(call, "on_n") == ["on_new_columns=", "on_null="]


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("rejects(", ["state_dir="]),
        ("drop_rejects('a', ", ["state_dir="]),
        ("drop_old_rejects(9, ", ["state_dir="]),
        ("embedded_url(", ["state_dir="]),
        ("runs(", ["state_dir=", "table="]),
        ("drop_runs(9, ", ["state_dir=", "table=", "to="]),
        ("leftovers(", ["state_dir=", "table=", "to="]),
        ("drop_leftover('a', ", ["state_dir=", "to="]),
    ],
)
def test_a_notebook_completes_no_name_of_what_is_refused(call, names):
    offered = {"to=", "table=", "state_dir=", "key=", "format=", "workers="}
    assert [name for name in completed(call, "") if name in offered] == names


def completed(call, begun):
    completer = IPCompleter(namespace={"propload": propload})
    completer.text_until_cursor = f"propload.{call}{begun}"
    return sorted(completer.python_func_kw_matches(begun))


@pytest.mark.parametrize("kind", [ReplaySettings, RecoverSettings])
def test_what_loads_again_takes_no_setting_of_reading_and_journaling(kind):
    names = kind.__annotations__.keys()
    assert {"key", "mapping", "workers"} <= names
    assert names.isdisjoint({"format", "delimiter", "journal_sync"})


@pytest.mark.parametrize(
    "kind", [FileSettings, TableSettings, JournalSettings, LedgerSettings]
)
def test_a_setting_has_one_type_wherever_it_is_taken(kind):
    assert get_type_hints(kind).items() <= get_type_hints(Settings).items()


@pytest.mark.parametrize("name", propload.__all__)
def test_annotations_of_public_names_resolve(name):
    found = getattr(propload, name)
    if inspect.isclass(found) and not issubclass(found, BaseException):
        get_type_hints(found.__init__)
    if not isinstance(found, str):
        get_type_hints(found)


def test_annotations_of_what_a_loader_does_resolve():
    for name, member in vars(propload.Loader).items():
        if inspect.isfunction(member):
            assert get_type_hints(member), name
