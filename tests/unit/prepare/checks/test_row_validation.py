"""A failing row is rejected alone, even if pandera cannot list the failures."""

from __future__ import annotations

from datetime import timedelta

import pandera.polars as pa
import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import SchemaMismatchError
from propload.prepare.checks.validation import load_schema

SPAN = pl.Duration("us")
SPANS = pl.Series([timedelta(1), timedelta(2), None, timedelta(9)], dtype=SPAN)


def validate(schema, **columns):
    """Return the numbers of the rows that pass, and the reasons of the others."""
    frame = pl.DataFrame(columns)
    rows = pl.Series(ROW, range(frame.height), dtype=pl.UInt64)
    found = load_schema(schema).check(frame.insert_column(0, rows))
    reasons = sorted(found.reasons.select(ROW, "column", "check").rows(), key=str)
    return found.frame[ROW].to_list(), reasons


def longer_than(days):
    return pa.Check(
        lambda rows: rows.lazyframe.select(pl.col(rows.key) > timedelta(days)),
        name=f"over {days}",
    )


def test_failing_durations_are_reported_row_by_row():
    schema = pa.DataFrameSchema(
        {
            "span": pa.Column(
                SPAN, [pa.Check.ne(timedelta(1)), longer_than(1), longer_than(2)]
            ),
            "price": pa.Column(pl.Int64, pa.Check.ge(10)),
        },
    )
    assert validate(schema, span=SPANS, price=[20, 20, 20, 5]) == (
        [],
        [
            (0, "span", "not_equal_to(1 day, 0:00:00)"),
            (0, "span", "over 1"),
            (0, "span", "over 2"),
            (1, "span", "over 2"),
            (2, "span", "not_nullable"),
            (3, "price", "greater_than_or_equal_to(10)"),
        ],
    )


def test_failing_bytes_are_reported_row_by_row():
    other = pa.Check(lambda rows: rows.lazyframe.select(pl.col(rows.key) != b"\xff"))
    schema = pa.DataFrameSchema({"raw": pa.Column(pl.Binary, other)})
    passed, reasons = validate(schema, raw=[b"\xff", b"\xfe", b"a", None])
    assert passed == [1, 2]
    assert [(row, column) for row, column, _ in reasons] == [(0, "raw"), (3, "raw")]


def test_every_column_of_a_pattern_is_reported():
    schema = pa.DataFrameSchema(
        {
            "^span_.*$": pa.Column(SPAN, longer_than(1), regex=True),
            "span_c": pa.Column(SPAN, longer_than(8), nullable=True),
        }
    )
    columns = {"span_a": SPANS, "span_b": SPANS.reverse(), "span_c": SPANS}
    passed, reasons = validate(schema, **columns)
    assert passed == []
    assert reasons == [
        (0, "span_a", "over 1"),
        (0, "span_c", "over 8"),
        (1, "span_b", "not_nullable"),
        (1, "span_c", "over 8"),
        (2, "span_a", "not_nullable"),
        (3, "span_b", "over 1"),
    ]


def test_row_checks_are_reported_beside_failing_durations():
    def below(limit):
        return pa.Check(lambda rows: rows.lazyframe.select(pl.col("no") < limit))

    spans = pa.Column(SPAN, longer_than(1), nullable=True)
    schema = pa.DataFrameSchema({"span": spans}, checks=[below(1), below(2)])
    passed, reasons = validate(schema, span=SPANS, no=[0, 1, 2, 0])
    assert passed == [3]
    assert [(row, column) for row, column, _ in reasons] == [
        (0, "span"),
        (1, None),
        (2, None),
        (2, None),
    ]


def test_defaults_are_filled_in_beside_failing_durations():
    schema = pa.DataFrameSchema(
        {
            "span": pa.Column(SPAN, longer_than(1), nullable=True),
            "kind": pa.Column(pl.String, default="house"),
        }
    )
    frame = pl.DataFrame({ROW: [0, 1], "span": SPANS[:2], "kind": [None, None]})
    frame = frame.cast({"kind": pl.String})
    assert load_schema(schema).check(frame).frame["kind"].to_list() == ["house"]


def test_wrong_type_fails_all_rows():
    schema = pa.DataFrameSchema({"span": pa.Column(SPAN, longer_than(1))})
    with pytest.raises(SchemaMismatchError, match=r"span.*Duration"):
        validate(schema, span=SPANS.cast(pl.Duration("ms")))


def test_exception_inside_pandera_becomes_schema_mismatch():
    # pandera raises on a default that its column cannot hold
    column = pa.Column(pl.Int64, default=[1])
    schema = pa.DataFrameSchema({"a": column}, name="homes")
    with pytest.raises(SchemaMismatchError, match=r"schema homes.*pandera itself .*Ty"):
        validate(schema, a=[1, None])


def test_default_of_untyped_column_is_filled_in():
    schema = pa.DataFrameSchema({"a": pa.Column(pl.Int64), "b": pa.Column(default="x")})
    frame = pl.DataFrame({ROW: [0, 1], "a": [1, 2], "b": ["y", None]})
    assert load_schema(schema).check(frame).frame["b"].to_list() == ["y", "x"]


def test_default_of_untyped_pattern_column_is_filled_in():
    parts = pa.Column(checks=pa.Check.ne("z"), default="x", regex=True)
    # pandera does not match patterns with columns that are named themselves
    schema = pa.DataFrameSchema({"b_.": parts, "b_3": pa.Column(nullable=True)})
    frame = {"b_1": ["y", None], "b_2": [None, "y"], "b_3": [None, "z"], "c": [1, None]}
    checked = load_schema(schema).check(pl.DataFrame({ROW: [0, 1], **frame})).frame
    assert checked.drop(ROW).to_dict(as_series=False) == {
        **frame,
        "b_1": ["y", "x"],
        "b_2": ["x", "y"],
    }
    assert validate(schema, b_1=["y", "z"], b_3=["y", "y"]) == (
        [0],
        [(1, "b_1", "not_equal_to(z)")],
    )


def test_default_of_optional_column_rejects_no_row():
    kind = pa.Column(pl.String, pa.Check.ne("cave"), default="flat", required=False)
    schema = pa.DataFrameSchema({"a": pa.Column(pl.Int64, pa.Check.gt(0)), "b": kind})
    assert validate(schema, a=[1, 0]) == ([0], [(1, "a", "greater_than(0)")])
    passed, reasons = validate(schema, a=[1, 2], b=[None, "cave"])
    assert (passed, reasons) == ([0], [(1, "b", "not_equal_to(cave)")])
