"""The fast test against pandera itself: together they say what pandera says alone."""

from __future__ import annotations

import datetime as dt

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from propload.batch import ROW
from propload.prepare import validation
from propload.prepare.accepting import Acceptor, CheckFacts, ColumnFacts
from propload.prepare.validation import load_schema

QUICK = settings(max_examples=25, deadline=None)

small = st.integers(-3, 3)
floats = st.floats(-3, 3) | st.sampled_from([float("nan"), float("inf")])
texts = st.text(alphabet="ab^$é ", max_size=4)
days = st.dates(dt.date(2024, 1, 1), dt.date(2024, 1, 5))
patterns = st.sampled_from(["a", "^a", "a|b", "b$", "^ab?$", "", "é"])


def ordered(values):
    return st.one_of(
        values.map(pa.Check.ge),
        values.map(pa.Check.gt),
        values.map(pa.Check.le),
        values.map(pa.Check.lt),
        values.map(pa.Check.eq),
        values.map(pa.Check.ne),
        st.lists(values, min_size=1, max_size=3).map(pa.Check.isin),
        st.lists(values, min_size=1, max_size=3).map(pa.Check.notin),
        st.builds(
            lambda ends, left, right: pa.Check.in_range(
                min(ends), max(ends), include_min=left, include_max=right
            ),
            st.lists(values, min_size=2, max_size=2, unique=True),
            st.booleans(),
            st.booleans(),
        ),
    )


TEXT_CHECKS = st.one_of(
    patterns.map(pa.Check.str_matches),
    patterns.map(pa.Check.str_contains),
    texts.map(pa.Check.str_startswith),
    texts.map(pa.Check.str_endswith),
    st.builds(pa.Check.str_length, st.integers(0, 2), st.integers(2, 4)),
    st.builds(lambda n: pa.Check.str_length(exact_value=n), st.integers(0, 3)),
    st.builds(lambda n: pa.Check.str_length(max_value=n), st.integers(0, 3)),
    ordered(texts),
    st.just(
        pa.Check(
            lambda rows: rows.lazyframe.select(pl.col(rows.key).str.len_bytes() < 3)
        )
    ),
)
COLUMNS = {
    "number": (pl.Int64, small, ordered(small)),
    "measure": (pl.Float64, floats, ordered(st.floats(-3, 3))),
    "word": (pl.String, texts, TEXT_CHECKS),
    "day": (pl.Date, days, ordered(days)),
}
ROW_CHECKS = [
    pa.Check(lambda rows: rows.lazyframe.select(pl.col("number") < pl.col("measure"))),
    pa.Check(
        lambda rows: rows.lazyframe.select(pl.col("number") > -2),
        statistics={"columns": ("number",), "expression": pl.col("number") > -2},
    ),
]


@st.composite
def schemas(draw):
    columns = {}
    for name, (dtype, _, checks) in COLUMNS.items():
        chosen = draw(st.lists(checks, max_size=2))
        for check in chosen:
            check.ignore_na = draw(st.booleans())
        columns[name] = pa.Column(dtype, chosen, nullable=draw(st.booleans()))
    return pa.DataFrameSchema(
        columns, checks=draw(st.lists(st.sampled_from(ROW_CHECKS), max_size=2))
    )


@st.composite
def frames(draw):
    height = draw(st.integers(1, 12))
    columns = {
        name: pl.Series(
            draw(st.lists(st.none() | values, min_size=height, max_size=height)),
            dtype=dtype,
        )
        for name, (dtype, values, _) in COLUMNS.items()
    }
    return pl.DataFrame(columns).with_row_index(ROW)


def rows_that_pandera_refuses(schema, frame):
    try:
        schema.validate(frame.drop(ROW), lazy=True)
    except SchemaErrors as errors:
        return set(errors.failure_cases["index"].to_list())
    return set()


# both are shown by one check, because that is what takes the time
@QUICK
@given(schemas(), frames())
def test_rows_and_reasons_are_those_of_pandera(schema, frame):
    checker = load_schema(schema)
    good, reasons = checker.check(frame)
    refused = rows_that_pandera_refuses(schema, frame)
    assert set(reasons[ROW]) == refused
    assert good[ROW].to_list() == [row for row in frame[ROW] if row not in refused]
    assert good.equals(frame.filter(~pl.col(ROW).is_in(list(refused))))
    checker._errors._acceptor = None
    slow = checker.check(frame).reasons
    order = [ROW, "column", "check", "message"]
    assert reasons.sort(order).equals(slow.sort(order))


def forbid_pandera(monkeypatch):
    def validate(*_):
        pytest.fail("pandera was called for rows that surely pass")

    monkeypatch.setattr(validation, "_validate", validate)


def test_pandera_is_not_called_for_rows_that_surely_pass(monkeypatch):
    columns = {
        "a": pa.Column(pl.Int64, [pa.Check.ge(0), pa.Check.isin([1, 2])]),
        "b": pa.Column(pl.String, pa.Check.str_matches("x"), nullable=True),
    }
    checker = load_schema(pa.DataFrameSchema(columns))
    forbid_pandera(monkeypatch)
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]}).with_row_index(ROW)
    assert checker.check(frame).frame.equals(frame)


def test_pandera_sees_only_the_rows_in_doubt(monkeypatch):
    checker = load_schema(
        pa.DataFrameSchema({"a": pa.Column(pl.Int64, pa.Check.ge(0))})
    )
    seen = []
    judge = validation._validate
    monkeypatch.setattr(
        validation,
        "_validate",
        lambda schema, frame: seen.append(frame.height) or judge(schema, frame),
    )
    frame = pl.DataFrame({"a": [1, -1, 2, None]}).with_row_index(ROW)
    good, reasons = checker.check(frame)
    assert seen == [2]
    assert good["a"].to_list() == [1, 2]
    assert reasons[ROW].to_list() == [3, 1] or reasons[ROW].to_list() == [1, 3]


def test_checks_that_are_not_known_are_left_to_pandera_alone(monkeypatch):
    own = pa.Check(lambda rows: rows.lazyframe.select(pl.col(rows.key) < 3))
    checker = load_schema(
        pa.DataFrameSchema({"a": pa.Column(pl.Int64, [pa.Check.ge(0), own])})
    )
    seen = []
    judge = validation._validate
    monkeypatch.setattr(
        validation,
        "_validate",
        lambda schema, frame: (
            seen.append(len(schema.columns["a"].checks)) or judge(schema, frame)
        ),
    )
    right = pl.DataFrame({"a": [1, 2]}).with_row_index(ROW)
    assert checker.check(right).reasons.is_empty()
    assert seen == [1]


def test_a_check_that_does_not_suit_its_column_is_left_to_pandera():
    column = ColumnFacts(
        "a",
        None,
        nullable=True,
        required=True,
        checks=(CheckFacts("str_length", {"max_value": 2}),),
    )
    assert Acceptor((column,)).accept(pl.DataFrame({"a": [1]})) is None


def test_absent_and_wrongly_typed_columns_are_left_to_pandera():
    column = ColumnFacts("a", pl.Int64(), nullable=True, required=True)
    assert Acceptor((column,)).accept(pl.DataFrame({"b": [1]})) is None
    assert Acceptor((column,)).accept(pl.DataFrame({"a": ["1"]})) is None
    accepted = Acceptor((column,)).accept(pl.DataFrame({"a": [1, 2]}))
    assert accepted is not None
    assert accepted.to_list() == [True, True]


def test_an_expression_takes_columns_that_rows_lack_for_null():
    check = CheckFacts("expression", {"expression": pl.col("a") < pl.col("b")})
    acceptor = Acceptor((), (check,))
    assert acceptor.accept(pl.DataFrame({"c": [5, 6]})).to_list() == [True, True]
    assert acceptor.accept(pl.DataFrame({"a": [5, 6]})).to_list() == [True, True]
    strict = CheckFacts("expression", check.settings, ignore_na=False)
    accepted = Acceptor((), (strict,)).accept(pl.DataFrame({"a": [5, 6]}))
    assert accepted.to_list() == [False, False]
    assert acceptor.accept(pl.DataFrame({"a": [5, 6], "b": [9, 1]})).to_list() == [
        True,
        False,
    ]
