"""Mapping files and names: mistakes are reported before a row is read."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal

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


def test_mapping_is_loaded_from_a_file(tmp_path):
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


def test_unreadable_mapping_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read"):
        load_mapping("nowhere.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[columns", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_mapping(broken)


def test_dict_of_columns_is_a_mapping():
    mapping = load_mapping({"total": pl.col("a") * 2, "b": "x"})
    frame = pl.DataFrame({"a": [1], "x": ["y"]})
    assert mapping.apply(frame, MapContext()).frame.row(0) == (0, 2, "y")


class CustomMapping:
    def apply(self, frame, context, /):
        return Sifted(frame, no_reasons())


def test_column_may_have_the_name_of_a_mapping_key():
    columns = {"name": "title", "null_words": "b", "columns": "c"}
    assert list(load_mapping(columns).columns) == ["name", "null_words", "columns"]
    named = load_mapping({"name": "mine", "columns": {"name": "title"}})
    assert (named.name, list(named.columns)) == ("mine", ["name"])


def test_mapping_may_be_an_object_or_its_module_and_name(tmp_path, monkeypatch):
    custom = CustomMapping()
    assert load_mapping(custom) is custom
    (tmp_path / "my_mappings.py").write_text("MINE = {'a': 'b'}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    assert isinstance(load_mapping("my_mappings:MINE"), Mapping)
    assert sys.path == path
    sys.modules.pop("my_mappings")


@pytest.mark.parametrize(
    "spec", ["no_such_module:X", "json:NOTHING", "nobody-registered-this", 5]
)
def test_unknown_mapping_is_refused(spec):
    with pytest.raises(ConfigError, match="mapping"):
        load_mapping(spec)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": {"parse": "monney"}}, "column a: parser 'monney'.*did you mean 'money'"),
        ({"a": {"prase": "money", "decimal": ","}}, "'prase'.*did you mean 'parse'"),
        ({"a": {"decimals": ","}}, "column a: key 'decimals'.*did you mean 'decimal'"),
        ({"a": {"locale": "nl"}}, 'locale.*give parse = "date" or "timestamp"'),
        ({"a": {"parse": ["money"]}}, "column a: parse .*is not a parser's name"),
        ({"a": ""}, "column a: from '' names no column"),
        ({"a": []}, "column a: from .* names no column"),
        ({"a": {"from": ["b", " "]}}, "column a: from .* names no column"),
        ({"a": {"pattern": 5}}, "column a: pattern 5"),
        ({"a": {"parse": "date", "formats": ["%Y-%m"]}}, "a: format '%Y-%m'"),
        ({"a": {"parse": "boolean", "true": "x", "false": "X"}}, "a: word 'X'"),
        ({"propload_row": "b"}, "reserved by propload"),
        ({"^a.*$": "b"}, "pattern of columns"),
        (
            {"a": {"parse": "money", "default": 1.005}},
            "1.005 is not an amount of money",
        ),
        ({"a": {"parse": "boolean", "default": 2}}, "default 2 is not a boolean"),
        ({"a": {"parse": "date", "default": "2024-13-01"}}, "is not a date"),
        ({"a": {"parse": "date", "default": 2024}}, "default 2024 is not a date"),
        ({"a": {"parse": "timestamp", "default": 1.5}}, "1.5 is not a timestamp"),
        ({"a": {"parse": "integer", "default": {"b": 1}}}, "is not an integer"),
        ({"a": {"default": {"b": 1}}}, "default {'b': 1} is not a text"),
        ({"a": {"from": 5}}, "column a: from 5"),
        ({"a": {"null_words": 5}}, "column a: null_words"),
        ({"a": {"pattern": "("}}, "column a: pattern"),
        ({"a": {"unparsed": "drop"}}, "give refuse or null"),
        ({"a": {"each": "yes"}}, "column a: each"),
        ({"a": {"context": "now"}}, "give as_of or source"),
        ({"a": {"constant": 1, "from": "b"}}, "cannot be combined with"),
        ({"a": {"parse": "one_of"}}, "one_of needs words"),
        ({"a": {"parse": "integer", "default": "x"}}, "default 'x' is not an integer"),
        ({"a": {"parse": "integer", "default": 1.7}}, "default 1.7 is not an integer"),
        ({"a": {"parse": "date", "locale": "xx"}}, "locale 'xx'"),
        ({"a": 5}, "neither a name nor a rule"),
        ({}, "no column"),
    ],
)
def test_error_names_the_column_of_a_wrong_rule(columns, message):
    with pytest.raises(ConfigError, match=message):
        load_mapping({"columns": columns})


def test_error_suggests_the_key_that_was_meant():
    with pytest.raises(ConfigError, match="did you mean 'null_words'"):
        load_mapping({"columns": {"a": "a"}, "null_word": ["-"]})


@pytest.mark.parametrize("columns", [{}, {"a": "b"}])
def test_misspelt_columns_table_is_refused(columns):
    with pytest.raises(ConfigError, match="'colums' is not known; did you mean 'col"):
        load_mapping({"colums": columns, "null_words": ["-"]})
    mapping = load_mapping({"column": {"parse": "integer"}})
    assert list(mapping.columns) == ["column"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"x": ["b"], "y": ["b"]}, "word 'b' means both 'x' and 'y'"),
        ({"x": ["b"], "y": [" B"]}, "word ' B' means both 'x' and 'y'"),
        ({"x": ["b"], "b": "y"}, "word 'b' means both"),
        ({"x": ["b"], "X": ["c"]}, "word 'X' means both 'x' and 'X'"),
        ({"x": ["N/A"]}, "word 'N/A' is also in null_words"),
        ({"x": ["b", ""]}, "word '' is empty.*give default"),
    ],
)
def test_word_with_two_meanings_is_refused(words, message):
    rule = {"parse": "one_of", "words": words}
    with pytest.raises(ConfigError, match=f"mapping, column a: {message}"):
        load_mapping({"columns": {"a": rule}, "null_words": ["n/a"]})


def test_word_may_repeat_for_one_value_and_value_may_be_a_word():
    words = {"x": ["b", "B ", "y"], "y": ["c"]}
    mapping = load_mapping({"columns": {"a": {"parse": "one_of", "words": words}}})
    frame = pl.DataFrame({"a": ["B", "y", "C", "x"]})
    found = mapping.apply(frame, MapContext()).frame
    assert found["a"].to_list() == ["x", "x", "y", "x"]


def test_null_word_takes_precedence_over_a_word_of_the_parser():
    columns = {"a": {"parse": "boolean", "null_words": ["no"]}}
    mapping = load_mapping({"columns": columns})
    found = mapping.apply(pl.DataFrame({"a": ["no", "yes"]}), MapContext()).frame
    assert found["a"].to_list() == [None, True]


def test_file_of_columns_alone_needs_no_columns_table(tmp_path):
    path = tmp_path / "homes.toml"
    path.write_text("name = 'naam'\nprice = { parse = 'integer' }", encoding="utf-8")
    rows = pl.DataFrame({"naam": ["x"], "price": ["5"]})
    found = load_mapping(path).apply(rows, MapContext()).frame
    assert found.select("name", "price").rows() == [("x", 5)]


def test_message_names_the_mapping_file(tmp_path):
    path = tmp_path / "homes.toml"
    for text, message in (
        ("[columns]\na = { prase = 'money' }", "homes.toml, column a: key 'prase'"),
        ("[columns]\na = []", "homes.toml, column a: from"),
        ("null_word = '-'\n[columns]\na = 'b'", "homes.toml: key 'null_word'"),
        ("[column]\na = 'b'", r"homes.toml has no table \[columns\]"),
        ("columns = 'a'", r"homes.toml has no table \[columns\]"),
        ("null_words = '-'\na = 'b'", r"homes.toml has no table \[columns\]"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            load_mapping(path)


def test_default_is_parsed_like_a_text():
    columns = {
        "day": {"parse": "date", "default": "11 oktober 2024", "locale": "nl"},
        "fee": {"parse": "money", "default": 0.1},
        "new": {"parse": "boolean", "default": "ja"},
    }
    mapping = load_mapping({"columns": columns})
    frame = pl.DataFrame({"day": [""], "fee": [""], "new": [""]})
    row = mapping.apply(frame, MapContext()).frame.row(0)[1:]
    assert row == (dt.date(2024, 10, 11), Decimal("0.10"), True)


def test_pattern_may_use_the_full_syntax_of_polars():
    columns = {"a": r"x", "b": {"from": "x", "pattern": r"^(\p{L}+)"}}
    columns["c"] = {"from": "x", "pattern": r"(?<digits>\d+)"}
    mapping = load_mapping({"columns": columns})
    row = mapping.apply(pl.DataFrame({"x": ["é1"]}), MapContext()).frame.row(0)[1:]
    assert row == ("é1", "é", "1")
