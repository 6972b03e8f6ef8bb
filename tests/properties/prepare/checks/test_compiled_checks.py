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
from propload.prepare.checks.validation import load_schema

QUICK = settings(max_examples=25)
#: For one check alone.
OF_ONE_CHECK = settings(max_examples=25)

small = st.integers(-3, 3)
floats = st.floats(-3, 3) | st.sampled_from([float("nan"), float("inf")])
texts = st.text(alphabet="ab^$é ", max_size=4)
days = st.dates(dt.date(2024, 1, 1), dt.date(2024, 1, 5))
patterns = st.sampled_from(["a", "^a", "a|b", "b$", "^ab?$", "", "é"])


def ordered(values):
    return [
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
    ]


TEXT_CHECKS = [
    patterns.map(pa.Check.str_matches),
    patterns.map(pa.Check.str_contains),
    texts.map(pa.Check.str_startswith),
    texts.map(pa.Check.str_endswith),
    st.builds(pa.Check.str_length, st.integers(0, 2), st.integers(2, 4)),
    st.builds(lambda n: pa.Check.str_length(exact_value=n), st.integers(0, 3)),
    st.builds(lambda n: pa.Check.str_length(max_value=n), st.integers(0, 3)),
    *ordered(texts),
]
#: What is left to pandera: nobody knows what it asks.
OWN_CHECKS = st.builds(
    lambda: pa.Check(
        lambda rows: rows.lazyframe.select(pl.col(rows.key).str.len_bytes() < 3)
    )
)
COLUMNS = {
    "number": (pl.Int64, small, ordered(small)),
    "measure": (pl.Float64, floats, ordered(st.floats(-3, 3))),
    "word": (pl.String, texts, TEXT_CHECKS),
    "day": (pl.Date, days, ordered(days)),
}
#: Values at which one check parts from another, in each frame.
TELLING = {
    "number": [-1, 0, 1, None],
    "measure": [-1.0, 0.0, float("nan"), float("inf"), None],
    "word": ["", "a", "ba", "ab", "bab", "^ab", None],
    "day": [dt.date(2024, 1, 1), dt.date(2024, 1, 3), None],
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
        all_checks = [*checks, OWN_CHECKS] if name == "word" else checks
        chosen = draw(st.lists(st.one_of(all_checks), max_size=2))
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


@pytest.mark.parametrize(
    ("name", "check"),
    [(name, check) for name, (_, _, checks) in COLUMNS.items() for check in checks],
)
@OF_ONE_CHECK
@given(data=st.data())
def test_what_is_accepted_is_what_pandera_passes_and_nothing_else(name, check, data):
    # a check alone: beside others, pandera would judge most of its rows after all
    dtype, values, _ = COLUMNS[name]
    checks = [data.draw(check)]
    checks[0].ignore_na = data.draw(st.booleans())
    column = pa.Column(dtype, checks, nullable=data.draw(st.booleans()))
    schema = pa.DataFrameSchema({name: column})
    all_of_them = data.draw(st.lists(values, max_size=8)) + TELLING[name]
    rows = pl.DataFrame({name: pl.Series(all_of_them, dtype=dtype)})
    frame = rows.with_row_index(ROW)
    accepted = load_schema(schema)._errors._acceptor.accept(frame)
    refused = rows_that_pandera_refuses(schema, frame)
    assert accepted.to_list() == [row not in refused for row in frame[ROW]]
