"""Parsers of words, and how parsers are found by name."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.prepare.parsers import (
    PARSERS,
    make_parser,
    parse_boolean,
    parse_json,
    parse_one_of,
    parse_text,
)
from tests.unit.prepare.parsing import read


def test_boolean_words_of_several_languages_are_read():
    assert read(parse_boolean, "Ja", " yes ", "t", "1", "Tak", "OUI") == [True] * 6
    assert read(parse_boolean, "nee", "No", "F", "0", "nie", "non") == [False] * 6
    assert read(parse_boolean, "x", "", None) == [None] * 3


def test_boolean_words_can_be_specified():
    found = read(
        parse_boolean,
        "Nieuwbouw",
        "BESTAANDE  bouw",
        "ja",
        true=["nieuwbouw"],
        false=["bestaande bouw"],
    )
    assert found == [True, False, None]


def test_one_of_translates_words_to_values():
    words = {"Beschikbaar": "available", "onder bod": "under_offer"}
    texts = ["beschikbaar", " Onder   bod", "weg", None]
    assert read(parse_one_of, *texts, words=words) == [
        "available",
        "under_offer",
        None,
        None,
    ]
    found = read(parse_one_of, *texts, words=words, otherwise="unknown")
    # null stays null
    assert found[2:] == ["unknown", None]


def test_words_may_be_listed_by_their_value_as_in_a_file():
    words = {"house": ["huis", "villa"], "flat": "apartment"}
    found = read(parse_one_of, "Villa", "flat", "house", "boat", words=words)
    assert found == ["house", "apartment", "house", None]


@pytest.mark.parametrize("words", [5, {}, ["huis"], {"house": 5}])
def test_words_of_another_form_are_refused(words):
    with pytest.raises(ConfigError, match=r"^(one_of needs )?words "):
        parse_one_of(pl.col("a"), words=words)


def test_one_of_keeps_a_value_unless_it_is_a_word():
    words = {"huis": "house", "flat": "apartment", "house": "villa"}
    found = read(parse_one_of, "apartment", "house", "Huis", words=words)
    assert found == ["apartment", "villa", "house"]


def test_text_is_stripped():
    assert read(parse_text, " a  b\u00a0", "", None) == ["a  b", "", None]


def test_json_is_validated_and_kept_as_text():
    texts = [
        '{"a": 1.50}',
        "[1]",
        "null",
        '"s"',
        " 5 ",
        '{"a":',
        "nope",
        "{'a': 1}",
        "",
    ]
    assert read(parse_json, *texts) == [
        *[text.strip() for text in texts[:5]],
        *[None] * 4,
    ]


def test_every_parser_returns_its_declared_type():
    for name, (_, dtype) in PARSERS.items():
        settings_ = {"words": {"1": "one"}} if name == "one_of" else {}
        parser = make_parser(name, **settings_)
        assert parser.dtype == dtype
        found = (
            pl.Series("text", ["1", None])
            .to_frame()
            .select(parser.parse(pl.col("text")))
        )
        # the column keeps its name, so that several can be used side by side
        assert found.schema == {"text": dtype}
    assert make_parser("money", scale=4).dtype == pl.Decimal(18, 4)


@pytest.mark.parametrize(
    ("name", "settings_", "message"),
    [
        ("monney", {}, "did you mean 'money'"),
        ("money", {"decimals": ","}, "did you mean 'decimal'"),
        ("money", {"decimal": ";"}, "give '.' or ','"),
        ("boolean", {"true": 5}, "true 5 is neither a text nor a list of texts"),
        (
            "boolean",
            {"true": ["x"], "false": [" X"]},
            "' X' is among the words of true",
        ),
        ("boolean", {"false": ["ja"]}, "'ja' is among.*give both lists"),
        ("one_of", {"words": {"a": "x", "A ": "y"}}, "means both 'x' and 'y'"),
        ("one_of", {"words": {"a": "x", "b": "X"}}, "means both 'x' and 'X'"),
        ("one_of", {"words": {"a": "x"}, "otherwise": 5}, "otherwise 5 is not a text"),
        ("money", {"scale": 19}, "scale 19.*from 0 to 18"),
        ("money", {"scale": -1}, "scale -1"),
        ("money", {"scale": "2"}, "scale '2'"),
        ("area", {"unit": "m2x"}, "unit 'm2x'"),
        ("date", {"formats": [5]}, "formats"),
        ("text", {"x": 1}, "known are: none"),
    ],
)
def test_wrong_parser_name_or_setting_is_refused_with_a_hint(name, settings_, message):
    with pytest.raises(ConfigError, match=message):
        make_parser(name, **settings_)


def test_single_word_needs_no_list():
    parser = make_parser("boolean", true="nieuw", false=["oud"])
    found = (
        pl.Series("text", ["nieuw", "n", "oud"])
        .to_frame()
        .select(parser.parse(pl.col("text")))
    )
    assert found["text"].to_list() == [True, None, False]
