"""Words that are written as one text."""

from __future__ import annotations

from propload_spiders.vocabulary import by_word, words_of


def test_words_stand_between_commas():
    assert words_of("vanaf, bieden vanaf") == ("vanaf", "bieden vanaf")
    assert words_of("") == ()


def test_a_word_has_the_meaning_that_it_stands_behind():
    words = by_word({"buy": "koop, te koop", "rent": "huur", "none": ""})
    assert words == {"koop": "buy", "te koop": "buy", "huur": "rent"}
