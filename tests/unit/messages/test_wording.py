import json

import pytest

from propload.messages.wording import (
    counted,
    hanging,
    listed,
    listed_names,
    visible,
    visible_json,
    with_article,
)


@pytest.mark.parametrize(
    ("number", "one", "text"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2_000, "row", "2,000 rows"),
        (1, "batch", "1 batch"),
        (2, "batch", "2 batches"),
        (1, "retry", "1 retry"),
        (2, "retry", "2 retries"),
        (2, "key", "2 keys"),
        (2, "rejected row", "2 rejected rows"),
    ],
)
def test_noun_agrees_with_its_number(number, one, text):
    assert counted(number, one) == text


def test_plural_can_be_given():
    assert counted(1, "row waits", "rows wait") == "1 row waits"
    assert counted(3, "row waits", "rows wait") == "3 rows wait"


@pytest.mark.parametrize(
    ("words", "text"),
    [("int", "an int"), ("Offer", "an Offer"), ("str", "a str"), ("list", "a list")],
)
def test_article_fits_the_word(words, text):
    assert with_article(words) == text


@pytest.mark.parametrize(
    ("words", "text"),
    [("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"), ("", "")],
)
def test_first_words_are_listed_and_the_others_counted(words, text):
    assert listed(words, 3) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        # a single character that also begins a control sequence
        ("\x9b31m", r"\x9b31m"),
        ("a\x00b\r\x7f", r"a\x00b\x0d\x7f"),
        ("two\tcolumns\n", "two\tcolumns\n"),
        ("é € 🏠", "é € 🏠"),
        # this shows what follows from right to left
        ("\u202egpj.exe\u2066", r"\u202egpj.exe\u2066"),
        ("one\u2028line", r"one\u2028line"),
    ],
)
def test_control_characters_are_escaped(text, shown):
    assert visible(text) == shown


def test_json_with_escapes_has_the_same_values():
    values = {"a\u202e": "\x9b31m\x7f\u2028", "b": "é € 🏠\n\x1b"}
    shown = visible_json(json.dumps(values, ensure_ascii=False, indent=2))
    assert not set("\x9b\x7f\u2028\u202e\x1b").intersection(shown)
    assert json.loads(shown) == values


def test_hanging_indents_lines_so_that_none_looks_like_a_message():
    assert (
        hanging("one\n2026-01-01 propload: two")
        == "one\n    | 2026-01-01 propload: two"
    )


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["id", "list price", "größe"], "id, list price, größe"),
        (["price, net", "it's", 'a"b'], """'price, net', "it's", 'a"b'"""),
        (["", " id", "a\nb"], r"'', ' id', 'a\nb'"),
        (["a", "b", "c", "d,e"], "a, b, c and 1 more"),
    ],
)
def test_a_name_that_could_be_several_or_none_is_in_quotes(names, text):
    assert listed_names(names, 3) == text
