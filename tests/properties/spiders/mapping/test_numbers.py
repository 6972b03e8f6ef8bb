"""Numbers of any text are read alike in both languages, or are null."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from propload_spiders.mapping import numbers
from tests.unit.spiders.mapping.reading import read_all

# many texts in one frame, because a frame has a fixed cost
MANY = settings(max_examples=15)


@MANY
@given(st.lists(st.integers(1, 999_999_999), min_size=1))
def test_thousands_read_the_same_in_both_languages(prices):
    english = [f"{euros:,}" for euros in prices]
    dutch = [text.replace(",", ".") for text in english]
    plain = [str(euros) for euros in prices]
    worded = [f"€ {text} k.k." for text in dutch]
    for texts in (english, dutch, plain, worded):
        assert read_all(numbers.whole_euros, texts) == prices


@MANY
@given(st.lists(st.decimals(0, 99_999, places=2), min_size=1))
def test_cents_read_the_same_in_both_languages(fees):
    english = [f"€ {fee:,.2f}" for fee in fees]
    dutch = [text.translate(str.maketrans(",.", ".,")) for text in english]
    assert read_all(numbers.euros_and_cents, english) == fees
    assert read_all(numbers.euros_and_cents, dutch) == fees


@MANY
@given(st.lists(st.text(), min_size=1))
def test_any_text_gives_a_value_or_null(texts):
    parsers = (
        numbers.whole_euros,
        numbers.euros_and_cents,
        numbers.square_metres,
        numbers.cubic_metres,
        numbers.rooms,
        numbers.degrees,
        numbers.rent_period,
    )
    for parse in parsers:
        assert len(read_all(parse, texts)) == len(texts)
