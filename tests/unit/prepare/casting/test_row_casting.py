"""A cast is exact or its row is rejected."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import SchemaMismatchError
from propload.prepare.casting.row_casting import Cast, cast, cast_types
from propload.target import ColumnPlan
from tests.unit.prepare.casts import cast_values, frame_of, moment


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
        ([0.0, 1.0, -0.0, 0.5], pl.Float64(), pl.Boolean(), {0: False, 1: True}),
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
def test_value_is_cast_exactly_or_rejected(values, source, wanted, kept):
    found, refused = cast_values(values, source, wanted)
    assert {
        row: value.to_list() if isinstance(value, pl.Series) else value
        for row, value in found.items()
    } == kept
    assert len(refused) == len(values) - len(kept)


def test_decimal_that_would_be_rounded_is_rejected():
    values = [Decimal("1.50"), Decimal("1.505"), Decimal("99999999999.00")]
    found, refused = cast_values(values, pl.Decimal(20, 3), pl.Decimal(12, 2))
    assert found == {0: Decimal("1.50")}
    assert refused == [1, 2]


def test_timestamp_that_would_lose_nanoseconds_is_rejected():
    column = pl.Series([1_000, 1_500, -1_500], dtype=pl.Int64).cast(pl.Datetime("ns"))
    found, refused = cast_values(column, column.dtype, pl.Datetime("us"))
    assert found == {0: moment("1970-01-01T00:00:00.000001")}
    assert refused == [1, 2]


def test_timestamp_becomes_date_only_at_midnight():
    midnight, noon = moment("2024-01-01T00:00:00"), moment("2024-01-01T12:00:00")
    found, refused = cast_values([midnight, noon], pl.Datetime("us"), pl.Date())
    assert found == {0: dt.date(2024, 1, 1)}
    assert refused == [1]


def test_naive_times_count_as_utc_and_zoned_times_become_utc():
    naive = [moment("2024-07-01T12:00:00")]
    found, _ = cast_values(naive, pl.Datetime("us"), pl.Datetime("us", "UTC"))
    assert found[0] == moment("2024-07-01T12:00:00+00:00")
    amsterdam = pl.Series(naive).dt.replace_time_zone("Europe/Amsterdam")
    found, _ = cast_values(amsterdam, amsterdam.dtype, pl.Datetime("us"))
    assert found[0] == moment("2024-07-01T10:00:00")


@pytest.mark.parametrize(
    ("values", "dtype", "pg_type", "texts"),
    [
        ([{"a": 1, "b": 'é"'}, None], None, "jsonb", ['{"a": 1, "b": "é\\""}', None]),
        ([[[1], []], None], None, "jsonb", ["[[1], []]", None]),
        (
            [{"a": b"x"}, {"a": None}],
            None,
            "jsonb",
            ['{"a": "\\\\x78"}', '{"a": null}'],
        ),
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
def test_value_becomes_text_that_the_server_reads_back(values, dtype, pg_type, texts):
    found, refused = cast_values(values, dtype, pl.String(), pg_type)
    assert refused == []
    written = [found[row] for row in range(len(values))]
    assert [text and text.removesuffix(".000000") for text in written] == texts


def test_nan_and_infinity_in_json_are_rejected():
    values = [{"a": 1.0}, {"a": math.nan}, {"a": None}, {"a": math.inf}]
    found, refused = cast_values(values, None, pl.String(), "jsonb")
    assert found == {0: '{"a": 1}', 2: '{"a": null}'}
    assert refused == [1, 3]
    found, refused = cast_values([[[1.0]], [[math.nan]]], None, pl.String(), "jsonb")
    assert refused == [1]


def test_reason_shows_the_nan_in_a_list():
    rows = frame_of([[math.nan, 2.5]], pl.List(pl.Float64))
    sifted = cast_types(rows, [Cast("value", pl.List(pl.Decimal(5, 1)), "numeric[]")])
    assert sifted.reasons["value"].to_list() == ["[NaN, 2.5]"]


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
        (["a"], pl.String(), pl.List(pl.Binary)),
    ],
)
def test_column_without_exact_cast_is_refused(values, dtype, wanted):
    with pytest.raises(
        SchemaMismatchError,
        match=r"column value .* cannot be exactly converted to",
    ):
        cast_values(values, dtype, wanted)


def test_every_column_is_checked_before_a_row_is_dropped():
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


def test_plan_orders_adds_and_drops_columns():
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


def test_frame_that_needs_no_cast_is_unchanged():
    frame = frame_of([1, 2, None])
    sifted = cast_types(frame, [Cast("value", pl.Int64(), "bigint")])
    assert sifted.frame is not None
    assert sifted.frame.equals(frame)
    assert sifted.reasons.is_empty()


def test_frame_without_rows_gets_the_types():
    frame = frame_of([], pl.String())
    sifted = cast_types(frame, [Cast("value", pl.Date(), "date")])
    assert sifted.frame.schema["value"] == pl.Date


@pytest.mark.parametrize("source", [pl.Float64(), pl.Float32()])
def test_float_becomes_its_shortest_decimal(source):
    values = [0.1, 0.29, 41.5] + ([1e20, 1234567890.1] if source == pl.Float64 else [])
    kept, refused = cast_values(values, source, pl.Decimal(38, 10))
    assert refused == []
    assert [*kept.values()] == [Decimal(repr(value)) for value in values]
    lists, _ = cast_values([values], pl.List(source), pl.List(pl.Decimal(38, 10)))
    assert list(lists[0]) == [Decimal(repr(value)) for value in values]


def test_time_that_would_lose_nanoseconds_is_rejected():
    times = pl.Series([3_723_400_000_000, 3_723_000_000_001]).cast(pl.Time)
    pg_type = "time without time zone"
    kept, refused = cast_values(times, pl.Time(), pl.Time(), pg_type)
    assert (kept, refused) == ({0: dt.time(1, 2, 3, 400_000)}, [1])
    assert cast_values(times, pl.Time(), pl.String())[0] == {
        0: "01:02:03.400",
        1: "01:02:03.000000001",
    }


def test_duration_in_nanoseconds_keeps_them_as_text():
    found, _ = cast_values([-1_000_000_001], pl.Duration("ns"), pl.String(), "text")
    assert found == {0: "PT-0H-0M-1.000000001S"}


ADVICE = (
    "; an empty text is not null: --null-words '' makes it null in a CSV, a mapping "
    "with a parser in any source"
)


def messages_by_value(*texts):
    frame = pl.DataFrame({"floor": texts}).with_row_index(ROW)
    wanted = [Cast("floor", pl.Float64(), "double precision")]
    reasons = cast_types(frame, wanted).reasons
    return dict(reasons.select("value", "message").rows())


def test_message_for_empty_text_explains_null_words():
    found = messages_by_value("1.5", "", "ground", None)
    message = "column floor: '{}' cannot be stored exactly as double precision"
    assert found == {
        "": message.format("") + ADVICE,
        "ground": message.format("ground"),
    }


@pytest.mark.parametrize("text", ["x", " "])
def test_message_for_other_texts_does_not_explain_null_words(text):
    assert not messages_by_value(text)[text].endswith(ADVICE)
