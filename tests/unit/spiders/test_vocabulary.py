"""Words that are written as one text."""

from __future__ import annotations

from propload_spiders.vocabulary import by_word, words_of


def test_words_are_separated_by_commas():
    assert words_of("vanaf, bieden vanaf") == ("vanaf", "bieden vanaf")
    assert words_of("") == ()


def test_by_word_maps_each_word_to_its_meaning():
    words = by_word({"buy": "koop, te koop", "rent": "huur", "none": ""})
    assert words == {"koop": "buy", "te koop": "buy", "huur": "rent"}
