"""Mappings: which column a target is read from, and which values are rejected."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import SchemaMismatchError
from propload.prepare.mapping import Constant, MapContext, Mapping, Rule, load_mapping
from propload.prepare.parsers import make_parser

NO_CONTEXT = MapContext()
NOON = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)


def apply(rules, context=NO_CONTEXT, /, *, keep_others=False, null_words=(), **columns):
    content = {
        "columns": rules,
        "keep_others": keep_others,
        "null_words": list(null_words),
    }
    return load_mapping(content).apply(
        pl.DataFrame(columns).with_row_index(ROW), context
    )


def values(sifted, column):
    return sifted.frame[column].to_list()


def test_first_column_present_is_used():
    rules = {"price": {"from": ["vraagprijs", "price"], "parse": "money"}}
    assert values(apply(rules, price=["1"], vraagprijs=["2"]), "price") == [Decimal(2)]
    assert values(apply(rules, price=["1"], other=["2"]), "price") == [Decimal(1)]


def test_each_takes_the_first_column_with_a_value_per_row():
    rules = {
        "price": {
            "from": ["a", "b"],
            "parse": "integer",
            "each": True,
            "null_words": ["-"],
        }
    }
    assert values(apply(rules, a=["-", "1", None], b=["5", "6", "7"]), "price") == [
        5,
        1,
        7,
    ]


def test_column_names_match_despite_case_and_spacing():
    rules = {"a": "sale price", "b": "Year_Built", "c": "m²"}
    found = apply(rules, **{"SALE\nPRICE": ["1"], "year built": ["2"], "m²": ["3"]})
    assert found.frame.row(0) == (0, "1", "2", "3")


def test_target_named_like_its_column_needs_no_from():
    assert values(apply({"rooms": {"parse": "integer"}}, rooms=["3"]), "rooms") == [3]


def test_missing_column_is_left_out_and_not_null():
    assert apply({"a": "a", "b": "b"}, a=["1"]).frame.columns == [ROW, "a"]


def test_error_lists_the_columns_if_no_rule_matches():
    with pytest.raises(
        SchemaMismatchError, match=r"url \(from link or url\).*2 columns: x, y"
    ):
        apply({"url": {"from": ["link", "url"]}}, x=["1"], y=["2"])


def test_missing_required_column_is_refused():
    with pytest.raises(SchemaMismatchError, match="no column for url"):
        apply({"url": {"required": True}, "a": "a"}, a=["1"])


def test_unreadable_values_reject_their_row_with_all_reasons():
    rules = {"price": {"parse": "money"}, "area": {"parse": "area"}, "id": "id"}
    found = apply(
        rules, price=["1", "ask", None], area=["5 m²", "big", "6"], id=["a", "b", "c"]
    )
    assert values(found, "id") == ["a", "c"]
    reasons = found.reasons.select(ROW, "stage", "column", "check", "value").rows()
    assert reasons == [
        (1, "map", "price", "money", "ask"),
        (1, "map", "area", "area", "big"),
    ]
    assert "'ask' (from price) is not an amount of money" in found.reasons["message"][0]


def test_unreadable_value_may_become_null():
    rules = {"price": {"parse": "money", "unparsed": "null", "default": 0}}
    found = apply(rules, price=["ask", "2"])
    assert values(found, "price") == [Decimal(0), Decimal(2)]
    assert found.reasons.is_empty()


def test_null_words_and_empty_texts_become_null():
    rules = {
        "n": {"parse": "integer", "null_words": ["n.v.t."]},
        "t": {"null_words": ["?"]},
    }
    found = apply(
        rules,
        null_words=["-"],
        n=["-", " N.V.T. ", " ", "1"],
        t=["", "?", " - ", " x "],
    )
    assert values(found, "n") == [None, None, None, 1]
    assert values(found, "t") == ["", None, None, "x"]


def test_pattern_extracts_the_part_to_parse():
    rules = {
        "rooms": {"from": "kamers", "parse": "integer", "pattern": r"^(\d+) kamer"},
        "bedrooms": {
            "from": "kamers",
            "parse": "integer",
            "pattern": r"(\d+) slaapkamer",
            "unparsed": "null",
        },
        "digits": {"from": "kamers", "pattern": r"\d+"},
    }
    found = apply(rules, kamers=["3 kamers (2 slaapkamers)", "4 kamers", None])
    assert values(found, "rooms") == [3, 4, None]
    assert values(found, "bedrooms") == [2, None, None]
    assert values(found, "digits") == ["3", "4", None]


def test_default_replaces_null():
    assert values(
        apply({"n": {"parse": "integer", "default": 7}}, n=[None, "1"]), "n"
    ) == [7, 1]


def test_constant_and_context_columns_are_filled_in():
    moment = dt.datetime(2019, 10, 14, tzinfo=dt.UTC)
    rules = {
        "source": {"constant": "funda"},
        "seen": {"context": "as_of"},
        "file": {"context": "source"},
        "id": "id",
    }
    found = apply(rules, MapContext(moment, "a.csv"), id=["1", "2"])
    assert found.frame.rows() == [
        (0, "funda", moment, "a.csv", "1"),
        (1, "funda", moment, "a.csv", "2"),
    ]
    without_context = apply(rules, id=["1"])
    assert without_context.frame["seen"].dtype == pl.Datetime("us", "UTC")
    assert values(without_context, "seen") == [None]


def test_other_columns_are_kept_on_request():
    found = apply({"b": "a"}, keep_others=True, a=["1"], c=["2"])
    assert found.frame.columns == [ROW, "b", "c"]
    assert apply({"b": "a"}, a=["1"], c=["2"]).frame.columns == [ROW, "b"]


def test_typed_columns_are_not_read_as_text():
    rules = {
        "price": {"parse": "money"},
        "n": {"parse": "integer"},
        "day": {"parse": "date"},
        "word": {"parse": "text"},
        "yes": {"parse": "boolean"},
    }
    found = apply(
        rules,
        price=[1.25, 1.005],
        n=[3.0, 4.0],
        day=[dt.date(2024, 1, 1)] * 2,
        word=[5, 6],
        yes=[True, None],
    )
    assert found.frame.rows() == [
        (0, Decimal("1.25"), 3, dt.date(2024, 1, 1), "5", True)
    ]
    assert found.reasons["column"].to_list() == ["price"]


def test_unit_and_time_zone_apply_to_typed_columns():
    frame = pl.DataFrame(
        {
            "area": [100.0],
            "count": [100],
            "naive": pl.Series([NOON]).dt.replace_time_zone(None),
            "day": [NOON.date()],
            "zoned": [NOON],
        }
    )
    feet = {"parse": "area", "unit": "sqft"}
    here = {"parse": "timestamp", "time_zone": "Europe/Amsterdam"}
    rules = {"area": feet, "count": feet, "naive": here, "day": here, "zoned": here}
    [row] = load_mapping(rules).apply(frame, NO_CONTEXT).frame.drop(ROW).rows()
    assert row[:2] == pytest.approx((9.290304, 9.290304))
    assert [moment.isoformat() for moment in row[2:]] == [
        "2024-07-01T10:00:00+00:00",
        "2024-06-30T22:00:00+00:00",
        "2024-07-01T12:00:00+00:00",
    ]


def test_expression_may_define_a_column():
    mapping = Mapping(
        {
            "total": pl.col("a") + pl.col("b"),
            "name": Rule(("n",), make_parser("text")),
            "one": Constant(1),
        }
    )
    frame = pl.DataFrame({"a": [1], "b": [2], "n": ["x"]})
    assert mapping.apply(frame, NO_CONTEXT).frame.row(0) == (0, 3, "x", 1)


def test_repeated_texts_are_parsed_like_others():
    texts = ["€ 1.000", "x", None, "€ 2.000,50"] * 50
    found = apply({"price": {"parse": "money"}}, price=texts)
    assert values(found, "price")[:3] == [Decimal(1000), None, Decimal("2000.50")]
    assert found.reasons[ROW].to_list() == list(range(1, 200, 4))
    assert found.frame[ROW].is_sorted()


def test_binary_column_is_refused():
    with pytest.raises(SchemaMismatchError, match="column x is bytea"):
        apply({"x": "x"}, x=[b"1"])


def test_dutch_listings_of_2019_are_read(shared_data):
    mapping = load_mapping(
        {
            "null_words": ["-"],
            "columns": {
                "url": {"from": "Link"},
                "price": {"from": "Vraagprijs", "parse": "money"},
                "area": {"from": "Wonen", "parse": "area"},
            },
        }
    )
    raw = pl.read_csv(shared_data / "funda/amsterdam-2019-raw.csv", infer_schema=False)
    cleaned = pl.read_csv(shared_data / "funda/amsterdam-2019.csv", infer_schema=False)
    found = mapping.apply(raw, NO_CONTEXT)
    assert found.reasons.is_empty()
    both = found.frame.unique("url").join(cleaned, left_on="url", right_on="Link")
    assert both.height == cleaned.unique("Link").height
    assert both["price"].cast(pl.Int64).equals(both["Price"].cast(pl.Int64))
    # the cleaned file has area 0 for "-", which means that the area is not known
    areas = both["area"].cast(pl.Int64).fill_null(0)
    assert areas.equals(both["Surface"].cast(pl.Int64))


def test_dates_and_prices_of_new_york_are_read(shared_data):
    mapping = load_mapping(
        {
            "price": {"from": "sale price", "parse": "money"},
            "date": {
                "from": "sale date",
                "parse": "date",
                "formats": ["%Y-%m-%d", "%m/%d/%Y"],
            },
        }
    )
    raw = pl.read_csv(
        shared_data / "nyc/sales-2018-2024.csv.gz", infer_schema=False, n_rows=30_000
    )
    found = mapping.apply(raw, NO_CONTEXT)
    assert found.frame.height == 30_000
    assert found.frame.null_count().row(0) == (0, 0, 0)


def test_null_words_apply_to_typed_values():
    rules = {"n": {"parse": "integer", "null_words": ["-1"]}, "x": {"parse": "number"}}
    found = apply(rules, null_words=["-", "0"], n=[-1, 0, 5], x=[0.0, -1.0, 2.5])
    assert values(found, "n") == [None, None, 5]
    assert values(found, "x") == [None, -1.0, 2.5]
    days = [dt.date(1900, 1, 1), dt.date(2024, 1, 1)]
    found = apply({"day": {"parse": "date"}}, null_words=["1900-01-01"], day=days)
    assert values(found, "day") == [None, days[1]]


def test_words_of_a_rule_override_the_usual_meaning_of_numbers():
    rules = {"new": {"parse": "boolean", "true": ["2"], "false": ["1"]}}
    assert values(apply(rules, new=[1, 2]), "new") == [False, True]
    assert values(apply(rules, new=[True, False]), "new") == [True, False]


def test_typed_time_skipped_by_the_clock_is_rejected():
    rules = {"at": {"parse": "timestamp", "time_zone": "Europe/Amsterdam"}}
    # naive: the rule gives their time zone
    times = [dt.datetime(2024, 3, 31, 2, 30), dt.datetime(2024, 3, 31, 3, 30)]  # noqa: DTZ001
    found = apply(rules, at=times)
    assert found.frame[ROW].to_list() == [1]
    assert found.reasons["message"].to_list() == [
        "column at: '2024-03-31 02:30:00.000000' (from at) is not a timestamp"
    ]
    rules["at"]["unparsed"] = "null"
    assert values(apply(rules, at=times), "at")[0] is None


def test_epoch_seconds_may_be_whole_floats():
    rules = {"at": {"parse": "timestamp", "formats": ["epoch"]}}
    found = apply(rules, at=[1728640800.0, 0.5])
    assert values(found, "at") == [dt.datetime(2024, 10, 11, 10, tzinfo=dt.UTC)]
    assert found.reasons[ROW].to_list() == [1]


def raise_value_error():
    msg = "no such thing"
    raise ValueError(msg)


@pytest.mark.parametrize(
    "expression",
    [
        pl.col("nowhere"),
        pl.col("x").filter(pl.col("x") > 1),
        pl.all(),
        pl.col("x").map_batches(lambda _: raise_value_error(), return_dtype=pl.Int64),
    ],
)
def test_error_names_the_column_of_a_failing_expression(expression):
    with pytest.raises(SchemaMismatchError, match="its expression fails: ") as raised:
        apply({"a": expression}, x=[1, 0], y=[1, 0])
    assert str(raised.value).startswith("column a: ")
    # only columns of the source are listed, not the internal ones
    assert ROW not in str(raised.value)


def test_message_says_that_a_word_is_not_listed():
    rules = {"a": {"parse": "one_of", "words": {"x": ["y"]}}}
    assert apply(rules, a=["z"]).reasons["message"].to_list() == [
        "column a: 'z' (from a) is not one of the words of one_of"
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"each": True, "from": ["a", "b"]}, [12.125, 45.375, 1234.5]),
        ({"pattern": r"[\d.]+"}, [12.125, None, 1234.5]),
        ({"pattern": r"[\d.]+", "decimal": ","}, [12.125, None, 1234.5]),
    ],
)
@pytest.mark.parametrize("parser", ["area", "number"])
def test_numbers_parsed_as_texts_keep_their_value(settings, expected, parser):
    rules = {"size": {"from": "a", "parse": parser, **settings}}
    found = apply(rules, a=[12.125, None, 1234.5], b=[1.0, 45.375, 2.0])
    assert values(found, "size") == expected


def test_reason_shows_a_fraction_as_it_was_read():
    rules = {"n": {"from": ["a", "b"], "parse": "integer", "each": True}}
    found = apply(rules, a=[1.125, 2.0], b=[1.0, 1.0])
    assert values(found, "n") == [2]
    assert found.reasons["value"].to_list() == ["1.125"]


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("decimal", [{}, {"decimal": ","}])
def test_numbers_among_texts_are_not_parsed_like_texts(copies, decimal):
    rules = {"size": {"from": "a", "parse": "area", **decimal}, "a": "a"}
    context = MapContext(numbers={"a": pl.Series(["12.125", "-1.125"])})
    texts = ["12.125", "45.500", "45 m²", "-1.125"] * copies
    found = apply(rules, context, a=texts)
    assert values(found, "size") == [12.125, 45500.0, 45.0, -1.125] * copies
    assert values(found, "a") == texts
