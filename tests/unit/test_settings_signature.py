"""The names of settings in the signatures of functions that take them."""

import inspect

import pytest
from IPython.core.completer import IPCompleter

import propload
from propload.options import Settings
from propload.settings_signature import names_settings


@names_settings
def taker(source, /, *, job=None, **settings):
    return source, job, settings


def test_a_signature_names_each_setting_between_its_own_and_others():
    given = inspect.signature(taker)
    names = list(given.parameters)
    assert names == ["source", "job", *Settings.__annotations__, "settings"]
    assert str(given).startswith("(source, /, *, job=None, to: 'str' = ..., table: ")
    assert taker("a", table="b") == ("a", None, {"table": "b"})


@pytest.mark.parametrize(
    "function", [propload.ingest, propload.check, propload.tune, propload.Loader]
)
def test_what_loads_names_its_settings(function):
    names = inspect.signature(function).parameters.keys()
    assert Settings.__annotations__.keys() <= names


@pytest.mark.parametrize("call", ["ingest('a.csv', ", "Loader("])
def test_a_notebook_completes_the_names_of_settings(call):
    completer = IPCompleter(namespace={"propload": propload})
    completer.text_until_cursor = f"propload.{call}on_n"
    found = completer.python_func_kw_matches("on_n")
    assert sorted(found) == ["on_new_columns=", "on_null="]
