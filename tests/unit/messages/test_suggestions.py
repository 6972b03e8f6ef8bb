from __future__ import annotations

import pytest

from propload.messages.suggestions import SLIP, nearest, suggest

KNOWN = ("key", "table", "batch_rows", "columns")


@pytest.mark.parametrize(
    ("word", "hint", "slip"),
    [
        ("tabel", "table", "table"),
        ("batch_row", "batch_rows", "batch_rows"),
        ("kye", "key", None),
        ("colours", "columns", None),
        ("xyzzy", None, None),
        ("", None, None),
    ],
)
def test_a_hint_asks_for_less_likeness_than_a_decision(word, hint, slip):
    assert nearest(word, KNOWN) == hint
    assert nearest(word, KNOWN, cutoff=SLIP) == slip


def test_any_iterable_of_words_will_do():
    assert nearest("kye", iter(KNOWN)) == "key"
    assert suggest("kye", dict.fromkeys(KNOWN)) == "; did you mean 'key'?"


def test_the_nearest_of_several_is_told():
    assert nearest("tables", ["cables", "tables_", "table"]) == "tables_"


@pytest.mark.parametrize(
    ("word", "told", "expected"),
    [
        ("tabel", {}, "; did you mean 'table'?"),
        ("xyzzy", {}, ""),
        ("xyzzy", {"listed": True}, "; known are: key, table, batch_rows, columns"),
        ("tabel", {"listed": True}, "; did you mean 'table'?"),
        ("tabel", {"prefix": "PROPLOAD_"}, "; did you mean 'PROPLOAD_table'?"),
        ("kye", {"cutoff": SLIP}, ""),
    ],
)
def test_a_message_ends_with_what_was_meant(word, told, expected):
    assert suggest(word, KNOWN, **told) == expected


def test_nothing_known_is_said():
    assert suggest("key", (), listed=True) == "; known are: none"
