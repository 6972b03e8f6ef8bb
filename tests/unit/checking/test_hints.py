"""Advice on columns of text that look like something else, and on those of JSON."""

import re
import tomllib

import polars as pl
import pytest

from propload.batch import ROW
from propload.checking.hints import COLUMNS_LISTED, object_hints, text_hints
from propload.prepare.mapping import MapContext, load_mapping

READABLE = {
    "euros": (["€ 400.000 k.k.", "€ 1.250", "€ 500,-"], [400_000, 1_250, 500]),
    "dollars": (["$150.00", "$1,200.00"], [150, 1_200]),
    "behind": (["350.000 €", "12,50 EUR"], [350_000, 12.5]),
    "areas": (["91 m²", "1.234 m2", "0,5 ha"], [91, 1_234, 5_000]),
    "commas": (["91,5", "120,0", "75"], [91.5, 120, 75]),
    "space before": ([" 2", " 31"], [2, 31]),
    "points": (["310.500", "1.100.000"], [310_500, 1_100_000]),
}
DATES = {
    "12-03-2025;31-12-2024": ("%d-%m-%Y", [(2025, 3, 12), (2024, 12, 31)]),
    " 1.12.2025;13.1.2026": ("%d.%m.%Y", [(2025, 12, 1), (2026, 1, 13)]),
    "01/16/2018;12/1/2019": ("%m/%d/%Y", [(2018, 1, 16), (2019, 12, 1)]),
    # an export that spans years may come from several programs
    "2019-07-23;01/16/2018": ('%m/%d/%Y", "%Y-%m-%d', [(2019, 7, 23), (2018, 1, 16)]),
}
PLAIN = {
    "words": ["Delft", "Leiden"],
    "telephones": ["0151234567", "0201234567"],
    "house numbers": ["1", "14A", "3", "7B", "9"],
    "versions": ["1.2.3", "1.2.4"],
    "postal codes": ["2611 AB", "2312 CD"],
    # as numbers they would lose digits, and a mapping would refuse them
    "long numbers": ["12345678901234567890123", "2"],
    # numbers that are text because they are the key
    "fractions of a key": ["1.1", "1.10"],
    "months": ["mei 2024", "juni 2024"],
    "a date among words": ["sinds 2019 leeg", "11 oktober 2019", "april"],
    "nothing": [None, None],
    "failed formulas": ["#N/A", "#DIV/0!"],
    "dates in other digits": ["\u0661\u0662/\u0660\u0663/\u0662\u0660\u0662\u0664"],
    "wide digits": ["\uff11\uff12-\uff10\uff13-\uff12\uff10\uff12\uff14"],
}


NAMES = ["price", "Prijs (in €)", 'a "b"']


def read_by_hint(names, texts):
    """Return each column's values as the rules in the one note read them."""
    frame = pl.DataFrame(dict.fromkeys(names, texts))
    [note] = text_hints(frame, names)
    rules_text = note.partition("text: ")[2]
    rules = re.findall(r"(.*? = \{ .*? \}) for '[^']*'(?:, |$)", rules_text)
    mapping = load_mapping(tomllib.loads("\n".join(rules)))
    good, reasons = mapping.apply(frame.with_row_index(ROW), MapContext())
    assert reasons.is_empty()
    assert list(good.drop(ROW).columns) == names
    return [good[name].to_list() for name in names]


@pytest.mark.parametrize(("texts", "values"), READABLE.values(), ids=READABLE)
def test_suggested_rule_reads_the_values(texts, values):
    for column in read_by_hint(NAMES, texts):
        assert [float(one) for one in column] == values


@pytest.mark.parametrize("texts", DATES)
def test_rule_for_dates_has_their_format(texts):
    form, days = DATES[texts]
    frame = pl.DataFrame({"on": texts.split(";")})
    [note] = text_hints(frame, ["on"])
    assert f'on = {{ parse = "date", formats = ["{form}"] }}' in note
    [dates] = read_by_hint(["on"], texts.split(";"))
    assert [(day.year, day.month, day.day) for day in dates] == days


def test_ambiguous_days_and_months_get_both_formats():
    [note] = text_hints(pl.DataFrame({"on": ["01-02-2025"]}), ["on"])
    assert 'formats = ["%d-%m-%Y"] or ["%m-%d-%Y"] }' in note


def test_iso_dates_among_words_need_no_format():
    [note] = text_hints(pl.DataFrame({"on": ["onbekend", "2025-02-01"]}), ["on"])
    assert "on = { parse = \"date\" } for '2025-02-01'" in note


@pytest.mark.parametrize(
    "texts",
    [
        ["11 oktober 2019", "Vrijdag 3 mrt. 2020"],
        ["October 11, 2019", "3rd of March 2020"],
        ["11. Oktober 2019", "3. März 2020", "offen"],
        ["11 oct. 2019", "1er mars 2020"],
        ["2019-10-11", "3 maart 2020"],
    ],
    ids=" ".join,
)
def test_dates_with_the_name_of_a_month_are_told(texts):
    """They need no format: the parser knows the months of five languages."""
    [note] = text_hints(pl.DataFrame({"on": texts}), ["on"])
    assert f"on = {{ parse = \"date\" }} for '{texts[0]}'" in note


@pytest.mark.parametrize("texts", PLAIN.values(), ids=PLAIN)
def test_plain_text_gets_no_hint(texts):
    frame = pl.DataFrame({"a": pl.Series(texts, dtype=pl.String)})
    assert text_hints(frame, ["a"]) == []


def test_word_that_turns_a_numeric_column_into_text_is_named():
    prices = [str(price) for price in range(100_000, 101_500)]
    frame = pl.DataFrame({"price": [*prices, None, "n.v.t."]})
    [note] = text_hints(frame, ["price"])
    assert note.startswith(
        "a few values turn columns of numbers into text: price ('n.v"
    )
    assert "--null-words" in note


def test_amounts_among_words_still_get_a_hint():
    [note] = text_hints(pl.DataFrame({"a": ["op aanvraag", "€ 350.000"]}), ["a"])
    assert "a = { parse = \"money\" } for '€ 350.000'" in note


def test_hint_lists_the_first_of_many_columns_and_counts_the_rest():
    names = [f"c{number}" for number in range(COLUMNS_LISTED + 3)]
    [note] = text_hints(pl.DataFrame({name: ["€ 1"] for name in names}), names)
    assert f"{names[COLUMNS_LISTED - 1]} = " in note
    assert f"{names[COLUMNS_LISTED]} = " not in note
    assert note.endswith(" and 3 more")


OBJECTS = {
    '{"street": "Kerkstraat", "city": "Ede"}': ("street", "Kerkstraat"),
    '{"geo": {"lat": 52.5}}': ("lat", "52.5"),
    '[{"url": "a.jpg"}, {"url": "b.jpg"}]': ("url", "a.jpg"),
    '{"none": [], "photo list": [{"m²": 9}]}': ('"m²"', "9"),
    '{"a b": null}': ('"a b"', None),
}


@pytest.mark.parametrize("text", OBJECTS)
def test_rule_suggested_for_an_object_finds_a_value_in_it(text):
    key, value = OBJECTS[text]
    frame = pl.DataFrame({"the home": [None, text]})
    [note] = object_hints(frame, ["the home"])
    rule = note.partition(": ")[2]
    assert rule.startswith(f"{key} = {{ ")
    mapping = load_mapping({"columns": tomllib.loads(rule)})
    assert mapping.apply(frame, MapContext()).frame.row(1)[1] == value


@pytest.mark.parametrize("text", ["[]", "{}", "[[1, 2]]", '{"a": {}}', None])
def test_nothing_is_suggested_for_what_holds_no_named_value(text):
    frame = pl.DataFrame({"home": pl.Series([text], dtype=pl.String)})
    assert object_hints(frame, ["home"]) == []
