"""Numbers out of texts, as people of several countries write them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from propload.prepare.parsers import (
    parse_integer,
    parse_money,
    parse_number,
)
from tests.unit.prepare.parsing import read

QUICK = settings(max_examples=25)


@QUICK
@given(
    st.sampled_from([parse_number, parse_money, parse_integer]),
    st.text(alphabet="-\u2212\u2013 €$(:.", max_size=5),
    st.integers(1, 999),
    st.sampled_from(["", " ", " €", ",-", ")", "-", "€-", ") EUR"]),
)
def test_no_minus_before_a_number_is_passed_over(parse, before, number, after):
    [found] = read(parse, f"{before}{number}{after}")
    signs = set(before) & set("-\u2212\u2013")
    if found is not None:
        assert (found < 0) == bool(signs or ("(" in before and ")" in after))


@QUICK
@given(st.integers(0, 10**9), st.sampled_from(["%", " %", " procent", "-300", "+"]))
def test_what_changes_a_number_is_never_passed_over(number, after):
    for parse in (parse_number, parse_money, parse_integer):
        assert read(parse, f"€ {number}{after}") == [None]


def written(cents, group, mark):
    sign, cents = ("-" if cents < 0 else ""), abs(cents)
    whole, rest = divmod(cents, 100)
    return f"{sign}{whole:,}".replace(",", group) + f"{mark}{rest:02}"


@QUICK
@given(
    st.integers(-(10**15), 10**15),
    st.sampled_from(
        [(".", ","), (",", "."), ("", ","), ("", "."), (" ", ","), ("'", ".")]
    ),
    st.sampled_from(["{}", "€ {}", "{} zł", "$ {} per month", "EUR {} k.k.", "  {}  "]),
)
def test_every_written_amount_is_read_back(cents, marks, around):
    text = around.format(written(cents, *marks))
    amount = Decimal(cents) / 100
    assert read(parse_money, text) == [amount]
    assert read(parse_money, text, decimal=marks[1]) == [amount]


@QUICK
@given(st.integers(-(10**14), 10**14), st.sampled_from([".", ",", " "]))
def test_every_written_whole_number_is_read_back(number, group):
    text = f"{number:,}".replace(",", group)
    assert read(parse_integer, text) == [number]


@QUICK
@given(st.text(alphabet="0123456789.,- €", max_size=12))
def test_what_is_read_has_the_digits_of_the_text(text):
    [amount] = read(parse_money, text)
    if amount is not None:
        digits = "".join(letter for letter in text if letter.isdigit())
        shown = "".join(letter for letter in str(abs(amount)) if letter.isdigit())
        assert shown.strip("0") == digits.strip("0")
