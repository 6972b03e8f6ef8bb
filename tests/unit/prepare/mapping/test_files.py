"""Mapping files and names: what is wrong is said before a row is read."""

from __future__ import annotations

import sys

import polars as pl
import pytest

from propload.batch import Sifted, no_reasons
from propload.errors import ConfigError
from propload.prepare.mapping import MapContext, Mapping, load_mapping

FILE = """
null_words = ["-"]
keep_others = true

[columns]
url = ["Link", "url"]
price = { from = "Vraagprijs", parse = "money", decimal = "," }
status = { parse = "one_of", words = { available = ["Beschikbaar", "Te koop"] } }
source = { constant = "funda" }
"""


def test_a_file_holds_a_mapping(tmp_path):
    path = tmp_path / "funda.toml"
    path.write_text(FILE, encoding="utf-8")
    frame = pl.DataFrame(
        {"Link": ["x"], "Vraagprijs": ["€ 1.234,50"], "status": ["te koop"], "n": [1]}
    )
    for spec in (path, str(path)):
        mapping = load_mapping(spec)
        found = mapping.apply(frame, MapContext()).frame
        assert found.columns[1:] == ["url", "price", "status", "source", "n"]
        assert found["status"].to_list() == ["available"]
    assert load_mapping(path).name == "mapping funda.toml"


def test_files_that_are_no_mapping_are_told(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read"):
        load_mapping("nowhere.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[columns", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_mapping(broken)


def test_a_dict_of_columns_is_a_mapping():
    mapping = load_mapping({"total": pl.col("a") * 2, "b": "x"})
    frame = pl.DataFrame({"a": [1], "x": ["y"]})
    assert mapping.apply(frame, MapContext()).frame.row(0) == (0, 2, "y")


class Own:
    def apply(self, frame, context, /):
        return Sifted(frame, no_reasons())


def test_a_column_may_be_called_as_a_key_of_a_mapping_is():
    given = {"name": "title", "null_words": "b", "columns": "c"}
    assert list(load_mapping(given).columns) == ["name", "null_words", "columns"]
    named = load_mapping({"name": "mine", "columns": {"name": "title"}})
    assert (named.name, list(named.columns)) == ("mine", ["name"])


def test_names_of_modules_and_objects_are_mappings(tmp_path, monkeypatch):
    own = Own()
    assert load_mapping(own) is own
    (tmp_path / "my_mappings.py").write_text("MINE = {'a': 'b'}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    assert isinstance(load_mapping("my_mappings:MINE"), Mapping)
    assert sys.path == path
    sys.modules.pop("my_mappings")


@pytest.mark.parametrize(
    "spec", ["no_such_module:X", "json:NOTHING", "nobody-registered-this", 5]
)
def test_names_that_are_none_are_told(spec):
    with pytest.raises(ConfigError, match="mapping"):
        load_mapping(spec)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": {"parse": "monney"}}, "column a: parser 'monney'.*did you mean 'money'"),
        ({"a": {"decimals": ","}}, "column a: parser text has no setting"),
        ({"a": {"from": 5}}, "column a: from 5"),
        ({"a": {"null_words": 5}}, "column a: null_words"),
        ({"a": {"pattern": "("}}, "column a: pattern"),
        ({"a": {"unparsed": "drop"}}, "give refuse or null"),
        ({"a": {"each": "yes"}}, "column a: each"),
        ({"a": {"context": "now"}}, "give as_of or source"),
        ({"a": {"constant": 1, "from": "b"}}, "goes not together"),
        ({"a": {"parse": "one_of"}}, "one_of needs words"),
        ({"a": {"parse": "integer", "default": "x"}}, "default 'x' is no integer"),
        ({"a": {"parse": "integer", "default": 1.7}}, "default 1.7 is no integer"),
        ({"a": {"parse": "date", "locale": "xx"}}, "locale 'xx'"),
        ({"a": 5}, "neither a name nor a rule"),
        ({}, "no column"),
    ],
)
def test_wrong_rules_are_told_with_their_column(columns, message):
    with pytest.raises(ConfigError, match=message):
        load_mapping({"columns": columns})


def test_unknown_keys_are_told():
    with pytest.raises(ConfigError, match="did you mean 'null_words'"):
        load_mapping({"columns": {"a": "a"}, "null_word": ["-"]})
