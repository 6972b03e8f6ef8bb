"""Casting is exact or says so: what reference facts call silently wrong, and more."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import polars as pl
import pytest

from propload.batch import REASONS, ROW
from propload.errors import SchemaMismatchError
from propload.prepare.casting import VALUE_LENGTH, Cast, cast, cast_types
from propload.target import ColumnPlan

moment = dt.datetime.fromisoformat


def frame_of(values, dtype=None):
    column = pl.Series("value", values, dtype=dtype)
    return column.to_frame().with_row_index(ROW)


def cast_values(values, dtype, wanted, pg_type="the type", *, guessed=False):
    """Return the kept values by row, and the rejected rows."""
    frame = frame_of(values, dtype)
    sifted = cast_types(frame, [Cast("value", wanted, pg_type, guessed=guessed)])
    assert sifted.frame.schema["value"] == wanted
    assert sifted.reasons.schema == REASONS
    kept = dict(zip(sifted.frame[ROW], sifted.frame["value"], strict=True))
    refused = sifted.reasons[ROW].to_list()
    assert sorted([*kept, *set(refused)]) == list(range(frame.height))
    return kept, refused


@pytest.mark.parametrize(
    ("values", "source", "wanted", "kept"),
    [
        ([1, 2**53, 2**53 + 1], pl.Int64(), pl.Float64(), {0: 1.0, 1: 2.0**53}),
        ([1, 2**24 + 1], pl.Int32(), pl.Float32(), {0: 1.0}),
        ([1.0, 1.5, math.nan, 1e19], pl.Float64(), pl.Int64(), {0: 1}),
        ([1, 40_000, None], pl.Int64(), pl.Int16(), {0: 1, 2: None}),
        ([0, 2**63], pl.UInt64(), pl.Int64(), {0: 0}),
        ([1, 2**100], pl.Int128(), pl.Int64(), {0: 1}),
        ([5, 10**12], pl.Int64(), pl.Decimal(12, 2), {0: Decimal("5.00")}),
        ([0.1, 1.005, 1e30], pl.Float64(), pl.Decimal(12, 2), {0: Decimal("0.10")}),
        ([0.1, 0.12345678901], pl.Float64(), pl.Float32(), {0: pytest.approx(0.1)}),
        ([0, 1, 2], pl.Int64(), pl.Boolean(), {0: False, 1: True}),
        ([True, False], pl.Boolean(), pl.Int16(), {0: 1, 1: 0}),
        (["a", None], pl.Categorical(), pl.String(), {0: "a", 1: None}),
        (["5", "x"], pl.Enum(["5", "x"]), pl.Int32(), {0: 5}),
        ([None, None], pl.Null(), pl.Int64(), {0: None, 1: None}),
        (
            [[1, 2], [2**40], None],
            pl.List(pl.Int64),
            pl.List(pl.Int32),
            {0: [1, 2], 2: None},
        ),
        ([[1, 2]], pl.Array(pl.Int64, 2), pl.List(pl.Int64), {0: [1, 2]}),
    ],
)
def test_values_are_kept_exactly_or_refused(values, source, wanted, kept):
    found, refused = cast_values(values, source, wanted)
    assert {
        row: value.to_list() if isinstance(value, pl.Series) else value
        for row, value in found.items()
    } == kept
    assert len(refused) == len(values) - len(kept)


def test_decimals_keep_their_scale_or_are_refused():
    values = [Decimal("1.50"), Decimal("1.505"), Decimal("99999999999.00")]
    found, refused = cast_values(values, pl.Decimal(20, 3), pl.Decimal(12, 2))
    assert found == {0: Decimal("1.50")}
    assert refused == [1, 2]


def test_nanoseconds_that_microseconds_lose_are_refused():
    column = pl.Series([1_000, 1_500, -1_500], dtype=pl.Int64).cast(pl.Datetime("ns"))
    found, refused = cast_values(column, column.dtype, pl.Datetime("us"))
    assert found == {0: moment("1970-01-01T00:00:00.000001")}
    assert refused == [1, 2]


def test_a_moment_is_a_day_only_at_midnight():
    midnight, noon = moment("2024-01-01T00:00:00"), moment("2024-01-01T12:00:00")
    found, refused = cast_values([midnight, noon], pl.Datetime("us"), pl.Date())
    assert found == {0: dt.date(2024, 1, 1)}
    assert refused == [1]


def test_times_without_a_zone_are_utc_and_zones_become_utc():
    naive = [moment("2024-07-01T12:00:00")]
    found, _ = cast_values(naive, pl.Datetime("us"), pl.Datetime("us", "UTC"))
    assert found[0] == moment("2024-07-01T12:00:00+00:00")
    amsterdam = pl.Series(naive).dt.replace_time_zone("Europe/Amsterdam")
    found, _ = cast_values(amsterdam, amsterdam.dtype, pl.Datetime("us"))
    assert found[0] == moment("2024-07-01T10:00:00")


@pytest.mark.parametrize(
    ("wanted", "texts", "kept"),
    [
        (pl.Int64(), ["1", " 2 ", "3.0", "-4", "007", "+5"], [1, 2, 3, -4, 7, 5]),
        (pl.Float64(), ["0.1", "1e3", "-2.50", "NaN"], [0.1, 1000.0, -2.5, math.nan]),
        (pl.Boolean(), ["t", "NO", "1", "off"], [True, False, True, False]),
        (pl.Date(), ["2024-02-29", "2024-02-29T00:00:00"], [dt.date(2024, 2, 29)] * 2),
        (pl.Decimal(12, 2), ["1.5", "1.500"], [Decimal("1.50")] * 2),
        (pl.Time(), ["10:00", "10:00:01.5"], [dt.time(10), dt.time(10, 0, 1, 500_000)]),
    ],
)
def test_texts_are_read_as_the_server_would(wanted, texts, kept):
    found, refused = cast_values(texts, pl.String(), wanted)
    assert refused == []
    assert [found[row] for row in range(len(texts))] == pytest.approx(kept, nan_ok=True)


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (pl.Int64(), ["", "x", "1.5", "1,000", "9223372036854775808", "1e3"]),
        (pl.Int16(), ["40000"]),
        (pl.Float64(), ["", "1,5", "1e400", "1e-400", "9007199254740993"]),
        (pl.Boolean(), ["maybe", "", "2"]),
        (pl.Date(), ["2024-02-30", "01/02/2024", "2024-01-01T10:00:00"]),
        (pl.Decimal(12, 2), ["1.005", "x", "12345678901.00", "1e-3"]),
        (pl.Datetime("us"), ["2024-01-01T00:00:00.1234567", "yesterday"]),
        (pl.Time(), ["25:00", "10:00:00.0000001"]),
        (pl.Enum(["a"]), ["b"]),
    ],
)
def test_texts_that_would_change_are_refused(wanted, texts):
    found, refused = cast_values(texts, pl.String(), wanted)
    assert found == {}
    assert refused == list(range(len(texts)))


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-01T12:00:00+02:00",
        "2024-07-01 12:00:00.000000000+0200",
        "2024-07-01T10:00:00Z",
        "2024-07-01 10:00",
        "2024-07-01T10:00:00",
        "2024-07-01T10:00Z",
        "2024-07-01 12:00:00+02",
    ],
)
def test_iso_moments_are_read_with_and_without_an_offset(text):
    ten = moment("2024-07-01T10:00:00")
    found, _ = cast_values([text], pl.String(), pl.Datetime("us", "UTC"))
    assert found[0] == ten.replace(tzinfo=dt.UTC)
    found, _ = cast_values([text], pl.String(), pl.Datetime("us"))
    assert found[0] == ten


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (pl.Int64(), ["007", "+5", "-0", "3.0", " 1"]),
        (pl.Float64(), ["1e3", "01.5", ".5", "1234567890.12345678", "NaN"]),
        (pl.Boolean(), ["t", "1", "yes"]),
        (pl.Date(), ["2024-1-2", " 2024-01-02", "2024-01-02T00:00:00"]),
    ],
)
def test_a_guessed_type_takes_only_what_it_would_write(wanted, texts):
    found, refused = cast_values(texts, pl.String(), wanted, guessed=True)
    assert found == {}
    assert refused == list(range(len(texts)))


@pytest.mark.parametrize(
    ("values", "dtype", "pg_type", "texts"),
    [
        ([{"a": 1, "b": 'é"'}, None], None, "jsonb", ['{"a":1,"b":"é\\""}', None]),
        ([[[1], []], None], None, "jsonb", ["[[1],[]]", None]),
        ([{"a": b"x"}, {"a": None}], None, "jsonb", ['{"a":"\\\\x78"}', '{"a":null}']),
        ([['a"b\\', None], []], None, "text[]", ['{"a\\"b\\\\",NULL}', "{}"]),
        ([[[1, 2], [3, 4]]], None, "integer[]", ['{{"1","2"},{"3","4"}}']),
        ([b"\x00\xff"], None, "bytea", ["\\x00ff"]),
        ([moment("2024-01-01T01:02:03")], None, "text", ["2024-01-01 01:02:03"]),
        (
            [dt.timedelta(hours=72, seconds=5)],
            None,
            "interval",
            ["PT72H0M5S"],
        ),
        ([dt.timedelta(days=1)], None, "text", ["PT24H0M0S"]),
        ([Decimal("1.50"), None], None, "text", ["1.50", None]),
        ([2**100], pl.Int128(), "numeric", [str(2**100)]),
        ([True], None, "text", ["true"]),
    ],
)
def test_values_become_text_that_the_server_reads_back(values, dtype, pg_type, texts):
    found, refused = cast_values(values, dtype, pl.String(), pg_type)
    assert refused == []
    written = [found[row] for row in range(len(values))]
    assert [text and text.removesuffix(".000000") for text in written] == texts


def test_json_has_no_nan_so_such_a_row_is_refused():
    values = [{"a": 1.0}, {"a": math.nan}, {"a": None}, {"a": math.inf}]
    found, refused = cast_values(values, None, pl.String(), "jsonb")
    assert found == {0: '{"a":1.0}', 2: '{"a":null}'}
    assert refused == [1, 3]
    found, refused = cast_values([[[1.0]], [[math.nan]]], None, pl.String(), "jsonb")
    assert refused == [1]


@pytest.mark.parametrize(
    ("values", "dtype", "wanted"),
    [
        ([object()], pl.Object(), pl.String()),
        ([1], pl.Int64(), pl.Date()),
        ([dt.date(2024, 1, 1)], pl.Date(), pl.Int32()),
        ([dt.timedelta(1)], pl.Duration("us"), pl.Int64()),
        ([b"a"], pl.Binary(), pl.String()),
        ([{"a": 1}], pl.Struct({"a": pl.Int64}), pl.Int64()),
        ([[1]], pl.List(pl.Int64), pl.Int64()),
        (["a"], pl.String(), pl.Binary()),
        (["a"], pl.String(), pl.List(pl.String)),
    ],
)
def test_types_without_an_exact_way_are_refused_as_a_whole(values, dtype, wanted):
    with pytest.raises(
        SchemaMismatchError,
        match=r"column value .* cannot be exactly converted to",
    ):
        cast_values(values, dtype, wanted)


@pytest.mark.parametrize(
    ("values", "dtype", "wanted", "pg_type", "refused"),
    [
        (
            ["abc", "abcd", "abc  "],
            pl.String(),
            pl.String(),
            "character varying(3)",
            [1],
        ),
        (["éèà", "éèàü"], pl.String(), pl.String(), "character(3)", [1]),
        (["1.005", "1.50", "1.500"], pl.String(), pl.String(), "numeric(12,2)", [0]),
        (
            [Decimal("1.005"), Decimal("1.010")],
            pl.Decimal(10, 3),
            pl.Decimal(10, 3),
            "numeric(12,2)",
            [0],
        ),
        (
            [moment("2024-01-01T00:00:00.001500")],
            pl.Datetime("us"),
            pl.Datetime("us"),
            "timestamp(3) without time zone",
            [0],
        ),
        (
            [moment("2024-01-01T00:00:00.002000")],
            pl.Datetime("us"),
            pl.Datetime("us"),
            "timestamp(3) without time zone",
            [],
        ),
        ([dt.time(1, 2, 3, 5)], pl.Time(), pl.Time(), "time(0) without time zone", [0]),
    ],
)
def test_a_length_never_cuts_a_value(values, dtype, wanted, pg_type, refused):
    _, found = cast_values(values, dtype, wanted, pg_type)
    assert found == refused


def test_blanks_beyond_a_length_are_cut_as_the_server_cuts_them():
    frame = frame_of(["abc  ", "a    ", "ab", None, "éèà "])
    wanted = Cast("value", pl.String(), "character varying(3)")
    kept = cast_types(frame, [wanted]).frame["value"].to_list()
    assert kept == ["abc", "a  ", "ab", None, "éèà"]


def test_all_columns_are_examined_before_a_row_is_dropped():
    frame = pl.DataFrame({"a": ["1", "x"], "b": ["y", "z"], "c": ["2024-01-01", "c"]})
    casts = [
        Cast("a", pl.Int64(), "bigint"),
        Cast("b", pl.Float64(), "double precision"),
        Cast("c", pl.Date(), "date"),
    ]
    sifted = cast_types(frame.with_row_index(ROW), casts)
    assert sifted.frame.is_empty()
    places = sifted.reasons.select(ROW, "column").sort(ROW, "column").rows()
    assert places == [(0, "b"), (1, "a"), (1, "b"), (1, "c")]
    first = sifted.reasons.row(0, named=True)
    assert first["stage"] == "map"
    assert first["check"] == "cast"
    assert first["value"] == "x"
    assert "column a: 'x'" in first["message"]
    assert "bigint" in first["message"]


def test_long_values_are_shown_in_part():
    frame = frame_of(["x" * 10_000])
    reasons = cast_types(frame, [Cast("value", pl.Int64(), "bigint")]).reasons
    assert len(reasons["value"][0]) == VALUE_LENGTH


def test_a_plan_orders_columns_fills_absent_ones_and_drops_the_others():
    frame = pl.DataFrame({"b": [1], "extra": [2], "a": ["x"]}).with_row_index(ROW)
    plan = [
        ColumnPlan("a", pl.String(), "copy", "text"),
        ColumnPlan("missing", pl.Date(), "copy", "date"),
        ColumnPlan("b", pl.Int32(), "copy", "integer"),
    ]
    sifted = cast(frame, plan)
    assert sifted.frame.columns == [ROW, "a", "missing", "b"]
    assert sifted.frame.schema["missing"] == pl.Date
    assert sifted.frame.row(0) == (0, "x", None, 1)


def test_what_needs_no_cast_is_not_touched():
    frame = frame_of([1, 2, None])
    sifted = cast_types(frame, [Cast("value", pl.Int64(), "bigint")])
    assert sifted.frame is not None
    assert sifted.frame.equals(frame)
    assert sifted.reasons.is_empty()


def test_a_frame_without_rows_gets_its_types():
    frame = frame_of([], pl.String())
    sifted = cast_types(frame, [Cast("value", pl.Date(), "date")])
    assert sifted.frame.schema["value"] == pl.Date


@pytest.mark.parametrize("source", [pl.Float64(), pl.Float32()])
@pytest.mark.parametrize("wanted", [pl.Decimal(12, 2), pl.Decimal(38, 10)])
def test_a_number_that_a_decimal_has_no_room_for_costs_its_row(source, wanted):
    values = [1.0, 1e10, -1e30, math.inf, math.nan, 2.5]
    column = pl.Series("value", values, dtype=source)
    found, refused = cast_values(column, source, wanted)
    room = [0, 5] if wanted.precision == 12 else [0, 1, 5]
    assert list(found) == room
    assert refused == [row for row in range(6) if row not in room]


@pytest.mark.parametrize("source", [pl.Float64(), pl.Float32()])
def test_a_float_is_the_shortest_decimal_that_names_it(source):
    values = [0.1, 0.29, 41.5] + ([1e20, 1234567890.1] if source == pl.Float64 else [])
    kept, refused = cast_values(values, source, pl.Decimal(38, 10))
    assert refused == []
    assert [*kept.values()] == [Decimal(repr(value)) for value in values]
    lists, _ = cast_values([values], pl.List(source), pl.List(pl.Decimal(38, 10)))
    assert list(lists[0]) == [Decimal(repr(value)) for value in values]


def test_a_time_keeps_its_fraction_or_costs_its_row():
    times = pl.Series([3_723_400_000_000, 3_723_000_000_001]).cast(pl.Time)
    pg_type = "time without time zone"
    kept, refused = cast_values(times, pl.Time(), pl.Time(), pg_type)
    assert (kept, refused) == ({0: dt.time(1, 2, 3, 400_000)}, [1])
    assert cast_values(times, pl.Time(), pl.String())[0] == {
        0: "01:02:03.400",
        1: "01:02:03.000000001",
    }


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (pl.Date(), pl.Datetime("us")),
        (pl.Datetime("ms"), pl.Datetime("us")),
        (pl.Datetime("ms", "UTC"), pl.Datetime("us")),
        (pl.Duration("ms"), pl.Duration("us")),
    ],
)
def test_what_no_calendar_has_costs_its_row_and_no_panic(source, wanted):
    most = 2**31 - 1 if source == pl.Date() else 2**63 - 1
    numbers = pl.Series([0, most], dtype=pl.Int64)
    values = numbers.cast(pl.Int32 if source == pl.Date() else pl.Int64).cast(source)
    kept, refused = cast_values(values, source, wanted)
    assert (list(kept), refused) == ([0], [1])


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (pl.Date(), ["10-11-20", "1-2-3"]),
        (pl.Date(), ["-2024-01-01", "-0001-12-31"]),
        (pl.Datetime("us"), ["-2024-01-01 10:00:00", "-0044-03-15"]),
        (pl.Datetime("us"), ["10-11-20 10:00:00", "2024-1-5 1:2:3.1234567"]),
        (pl.Float32(), ["16777217", "1e39"]),
        (pl.Float64(), ["9007199254740993", "-9007199254740993.0"]),
        (pl.Float64(), ["1" * 40, "1e400"]),
        (pl.Float64(), ["1e-400", "9" * 400]),
    ],
)
def test_texts_that_lose_a_century_or_a_digit_are_refused(wanted, texts):
    kept, refused = cast_values(texts, pl.String(), wanted)
    assert (kept, refused) == ({}, [0, 1])


def test_texts_for_money_are_plain_amounts():
    texts = ["5", " -5.50 ", ".5", "$5.00", "5,00", "1,234.50", "(5.00)", "1e3", ""]
    kept, refused = cast_values(texts, pl.String(), pl.String(), "money")
    assert (list(kept), refused) == ([0, 1, 2], [3, 4, 5, 6, 7, 8])


@pytest.mark.parametrize("wanted", [pl.Float32(), pl.Float64()])
def test_a_decimal_text_becomes_the_nearest_number(wanted):
    texts = [
        "0.1",
        "3.14159265358979323846",
        "0.123456789",
        "1e20",
        "9007199254740993.5",
    ]
    kept, refused = cast_values(texts, pl.String(), wanted)
    nearest = pl.Series([float(text) for text in texts]).cast(wanted).to_list()
    assert (list(kept.values()), refused) == (nearest, [])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("450.000", None),
        ("-1.000", None),
        ("450.0", 450),
        ("450.00", 450),
        ("450.000000", 450),
        ("1450.000", 1450),
        ("0.000", 0),
    ],
)
def test_what_may_be_thousands_is_no_whole_number(text, number):
    kept, refused = cast_values([text], pl.String(), pl.Int64())
    assert (kept, refused) == (({}, [0]) if number is None else ({0: number}, []))


def test_a_list_with_a_number_too_large_for_a_decimal_costs_its_row():
    column = pl.Series("value", [[1.5], [1e10, 1.0], None, []])
    source, wanted = column.dtype, pl.List(pl.Decimal(12, 2))
    found, _ = cast_values(column, source, wanted)
    lists = [None if value is None else value.to_list() for value in found.values()]
    assert dict(zip(found, lists, strict=True)) == {
        0: [Decimal("1.50")],
        2: None,
        3: [],
    }


def test_a_span_of_nanoseconds_keeps_them():
    found, _ = cast_values([-1_000_000_001], pl.Duration("ns"), pl.String(), "text")
    assert found == {0: "PT-0H-0M-1.000000001S"}
