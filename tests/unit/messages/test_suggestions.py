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
def test_hint_needs_less_similarity_than_a_decision(word, hint, slip):
    assert nearest(word, KNOWN) == hint
    assert nearest(word, KNOWN, cutoff=SLIP) == slip


@pytest.mark.parametrize("word", ["ID", "Id"])
def test_a_word_in_the_wrong_case_is_told(word):
    """Letter by letter, `ID` has nothing in common with `id`."""
    assert nearest(word, ["idx", "id", "kind"], cutoff=SLIP) == "id"


def test_known_words_may_be_any_iterable():
    assert nearest("kye", iter(KNOWN)) == "key"
    assert suggest("kye", dict.fromkeys(KNOWN)) == "; did you mean 'key'?"


def test_nearest_of_several_words_is_chosen():
    assert nearest("tables", ["cables", "tables_", "table"]) == "tables_"


@pytest.mark.parametrize(
    ("word", "options", "expected"),
    [
        ("tabel", {}, "; did you mean 'table'?"),
        ("xyzzy", {}, ""),
        ("xyzzy", {"listed": True}, "; known are: key, table, batch_rows, columns"),
        ("tabel", {"listed": True}, "; did you mean 'table'?"),
        ("tabel", {"prefix": "PROPLOAD_"}, "; did you mean 'PROPLOAD_table'?"),
        ("kye", {"cutoff": SLIP}, ""),
    ],
)
def test_suggestion_names_the_nearest_word_or_lists_the_known_ones(
    word, options, expected
):
    assert suggest(word, KNOWN, **options) == expected


def test_suggestion_says_if_no_word_is_known():
    assert suggest("key", (), listed=True) == "; known are: none"
