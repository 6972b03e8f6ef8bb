"""Rules with a path: values within the objects and lists of a column."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import ConfigError, SchemaMismatchError
from propload.prepare.mapping import MapContext, UnmatchedColumns, load_mapping
from propload.prepare.mapping.nested import value_at

HOME = {
    "city": "Ede",
    "geo": {"lat": 52.5, "points": [1, 2]},
    "tags": ["new", None],
    "photos": [{"url": "a.jpg"}, {"url": "b.jpg"}],
    "a.b": {"c.d": 1},
    "a": {"b": {"c": 2}},
    "_id": {"$oid": "f1"},
}


def apply(rules, **columns):
    return load_mapping({"columns": rules}).apply(pl.DataFrame(columns), MapContext())


def read(rule, *values):
    column = pl.Series("home", values) if values else [json.dumps(HOME)]
    found = apply({"made": {"from": "home", **rule}}, home=column)
    assert found.reasons.is_empty()
    return found.frame["made"].to_list()


def notes_on(rules, *frames):
    unmatched = UnmatchedColumns(load_mapping(rules))
    for number, columns in enumerate(frames):
        rows = pl.DataFrame(columns).with_row_index(ROW)
        unmatched.record_paths(rows, f"{number}.json")
    return unmatched.notes


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("city", "Ede"),
        ("geo.lat", "52.5"),
        ("geo.points", "[1, 2]"),
        ("geo.points.1", "2"),
        ("tags.0", "new"),
        ("tags.1", None),
        ("photos.1.url", "b.jpg"),
        ("photos.0", '{"url": "a.jpg"}'),
        ("_id.$oid", "f1"),
        ("photos.2.url", None),
        ("photos.url", None),
        ("photos.-1", None),
        ("city.0", None),
        ("geo.long", None),
    ],
)
def test_path_leads_to_the_value_or_to_null(path, value):
    assert read({"path": path}) == [value]


@pytest.mark.parametrize(
    ("path", "value"), [("a.b.c.d", 1), ("a.b.c", 2), ("a.b", {"c.d": 1})]
)
def test_name_may_contain_dots(path, value):
    assert value_at(HOME, path) == value


def test_value_is_read_by_the_parser_of_the_rule():
    texts = ['{"p": "€ 1.250", "on": "11 oktober 2019"}', '{"p": 3}', "{}", " ", None]
    rule = {"path": "p", "parse": "money", "default": 0}
    prices = [Decimal(n) for n in (1250, 3, 0, 0, 0)]
    assert read(rule, *texts) == prices
    days = read({"path": "on", "parse": "date", "locale": "nl"}, *texts)
    assert [day and day.isoformat() for day in days] == ["2019-10-11", *[None] * 4]


def test_number_keeps_its_value_and_a_text_in_another_row_is_read_as_text():
    rule = {"path": "n", "parse": "number", "decimal": ","}
    assert read(rule, '{"n": 1.234}', '{"n": "1.234"}') == [1.234, 1234]


def test_number_keeps_all_its_digits():
    digits = "12345678901234567890.123456789"
    assert read({"path": "n"}, f'{{"n": {digits}}}', '{"n": 1}') == [digits, "1"]


def test_pattern_and_null_words_apply_to_the_value_found():
    rule = {"path": "rooms", "parse": "integer", "pattern": r"(\d+) rooms"}
    texts = ['{"rooms": "3 rooms"}', '{"rooms": "-"}']
    assert read({**rule, "null_words": ["-"]}, *texts) == [3, None]


def test_each_row_takes_the_first_column_that_has_a_value_at_the_path():
    rule = {"made": {"from": ["a", "b"], "path": "x", "each": True}}
    found = apply(rule, a=['{"x": 1}', "{}"], b=['{"x": 8}', '{"x": "9"}'])
    assert found.frame["made"].to_list() == ["1", "9"]


def test_lists_and_structs_of_a_frame_are_looked_into():
    assert read({"path": "0"}, ["a", "b"], [], None) == ["a", None, None]
    assert read({"path": "city"}, {"city": "Ede"}, {"city": None}) == ["Ede", None]


@pytest.mark.parametrize("text", ["Ede", "{", '{"a": 1, "a": 2}', '{"a": NaN}'])
def test_text_that_is_not_json_rejects_its_row(text):
    rules = {"city": {"from": "home", "path": "a"}, "home": {}}
    found = apply(rules, home=['{"a": "b"}', text])
    assert found.frame["city"].to_list() == ["b"]
    [reason] = found.reasons.to_dicts()
    assert (reason[ROW], reason["column"], reason["check"]) == (1, "city", "json")
    assert reason["value"] == text
    assert "(from home) is not JSON, in which to look for a" in reason["message"]


def test_text_that_is_not_json_can_be_null():
    rules = {"city": {"from": "home", "path": "a", "unparsed": "null"}}
    assert apply(rules, home=["Ede"]).frame["city"].to_list() == [None]
    rules = {"city": {"from": "home", "path": "a", "null_words": ["n/a"]}}
    assert apply(rules, home=["N/A"]).frame["city"].to_list() == [None]


def test_half_a_surrogate_pair_is_no_text():
    found = apply({"a": {"from": "home", "path": "a"}}, home=[r'{"a": "\ud800"}'])
    assert found.reasons["check"].to_list() == ["json"]


def test_reason_names_column_and_path():
    rules = {"price": {"from": "home", "path": "p.q", "parse": "money"}}
    [message] = apply(rules, home=['{"p": {"q": "ask"}}']).reasons["message"]
    assert "column price: 'ask' (from home.p.q) is not an amount of money" in message


def test_rows_may_be_none():
    columns = {"home": pl.Series([], dtype=pl.String)}
    assert apply({"a": {"from": "home", "path": "a"}}, **columns).frame.is_empty()


@pytest.mark.parametrize("path", ["", ".a", "a.", "a..b", 1, ["a"]])
def test_path_without_names_is_refused(path):
    with pytest.raises(ConfigError, match=r"column a: path .* joined by dots"):
        load_mapping({"a": {"path": path}})


@pytest.mark.parametrize("path", ["$", "$.a", "a[0].b", "/a/b", "a['b']", "$['a']"])
def test_path_in_another_notation_is_refused(path):
    with pytest.raises(ConfigError, match=r"join names and positions by dots"):
        load_mapping({"a": {"path": path}})


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("citty", "home has city, geo, tags, .* did you mean 'city'"),
        ("geo.latt", r"home\.geo has lat, points; did you mean 'lat'"),
        ("photos.url", r"home\.photos is a list; .* as in home\.photos\.0\.url"),
        ("photos.7.url", r"home\.photos is a list of 2"),
        ("city.name", r"home\.city is neither an object nor a list"),
    ],
)
def test_note_on_a_path_that_leads_nowhere_in_any_row(path, end):
    text = json.dumps(HOME)
    rules = {"made": {"from": "home", "path": path}}
    [note] = notes_on(rules, {"home": [None, text, text]})
    assert note.startswith(f"0.json: mapping finds nothing at home.{path} for made in ")
    assert re.search(end, note)


@pytest.mark.parametrize(
    "texts",
    [
        ['{"b": 1}', '{"a": {"x": 2}}'],
        ['{"a": null}'],
        ['{"a": {"x": null}}'],
        ['{"b": 1}', '{"a": null}'],
        ['{"a": []}', '{"a": {}}', "[]"],
        [None, "no JSON"],
    ],
)
def test_no_note_if_a_row_has_the_value_or_null_or_no_row_tells(texts):
    assert notes_on({"made": {"from": "home", "path": "a.x"}}, {"home": texts}) == []


def test_note_if_the_rows_that_tell_lead_nowhere():
    rules = {"made": {"from": "home", "path": "0.ulr"}}
    [note] = notes_on(rules, {"home": ["[]", '[{"url": 1}]', None]})
    assert "home.0 has url; did you mean 'url'" in note


def test_no_note_if_later_rows_have_the_value():
    rules = {"made": {"from": "home", "path": "a"}}
    assert len(notes_on(rules, {"home": ["{}"]}, {"home": ['{"b": 1}']})) == 1
    assert notes_on(rules, {"home": ["{}"]}, {"home": ['{"a": 1}']}) == []


def test_hint_at_the_path_if_a_name_looks_like_one():
    hint = r'for a field of address, give path = "geo\.lat" too'
    with pytest.raises(SchemaMismatchError, match=hint):
        apply({"lat": "address.geo.lat"}, address=["{}"])
