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
def function_with_settings(source, /, *, job=None, **settings):
    return source, job, settings


def test_signature_lists_settings_after_the_functions_own_parameters():
    signature = inspect.signature(function_with_settings)
    names = list(signature.parameters)
    assert names == ["source", "job", *Settings.__annotations__, "settings"]
    assert str(signature).startswith("(source, /, *, job=None, to: str | None = ...")
    assert function_with_settings("a", table="b") == ("a", None, {"table": "b"})


@pytest.mark.parametrize(
    "function", [propload.ingest, propload.check, propload.tune, propload.Loader]
)
def test_signatures_of_loading_functions_list_all_settings(function):
    names = inspect.signature(function).parameters.keys()
    assert Settings.__annotations__.keys() <= names


@pytest.mark.parametrize("call", ["ingest('a.csv', ", "Loader("])
def test_notebook_completes_names_of_settings(call):
    assert completions(call, "on_n") == ["on_new_columns=", "on_null="]


@pytest.mark.parametrize(
    ("call", "accepted"),
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
def test_notebook_completes_only_settings_that_are_accepted(call, accepted):
    offered = {"to=", "table=", "state_dir=", "key=", "format=", "workers="}
    assert [name for name in completions(call, "") if name in offered] == accepted


def completions(call, prefix):
    completer = IPCompleter(namespace={"propload": propload})
    completer.text_until_cursor = f"propload.{call}{prefix}"
    return sorted(completer.python_func_kw_matches(prefix))


@pytest.mark.parametrize("settings_class", [ReplaySettings, RecoverSettings])
def test_replay_and_recover_take_no_settings_of_reading_or_journal(settings_class):
    names = settings_class.__annotations__.keys()
    assert {"key", "mapping", "workers"} <= names
    assert names.isdisjoint({"format", "delimiter", "journal_sync"})


@pytest.mark.parametrize(
    "settings_class", [FileSettings, TableSettings, JournalSettings, LedgerSettings]
)
def test_setting_has_the_same_type_in_every_group(settings_class):
    assert get_type_hints(settings_class).items() <= get_type_hints(Settings).items()


@pytest.mark.parametrize("name", propload.__all__)
def test_annotations_of_public_names_resolve(name):
    found = getattr(propload, name)
    if inspect.isclass(found) and not issubclass(found, BaseException):
        get_type_hints(found.__init__)
    if not isinstance(found, str):
        get_type_hints(found)


def test_annotations_of_loader_methods_resolve():
    for name, member in vars(propload.Loader).items():
        if inspect.isfunction(member):
            assert get_type_hints(member), name
