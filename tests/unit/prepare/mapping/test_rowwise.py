"""An expression of a mapping may use only the values of its own row."""

import datetime as dt
import operator
import random

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.prepare.mapping import load_mapping
from propload.prepare.preparing import Preparer
from tests.unit.prepare.test_preparing import raw_of

a, s, ls, st = pl.col("a"), pl.col("s"), pl.col("l"), pl.col("st")


def successor(value):
    return int(str(value)) + 1


def inverse(value):
    return 1 // (int(str(value)) - 1)


def random_number(_):
    return random.random()  # noqa: S311 - any number


ACROSS_ROWS = {
    "row number": pl.int_range(pl.len()),
    "index": pl.row_index(),
    "count": pl.len(),
    "running sum": a.cum_sum(),
    "rank": a.rank(),
    "shift": a.shift(1),
    "difference": a.diff(),
    "mean": a - a.mean(),
    "share": a / a.max(),
    "median": a - a.quantile(0.5),
    "rank of a moment": s.str.to_datetime("%Y-%m-%d").rank() * 2,
    "any": pl.when((a > 1).any()).then(a),
    "filled by mean": a.fill_null(a.mean()),
    "filled from above": a.fill_null(strategy="forward"),
    "window": a.sum().over("s"),
    "first of its kind": a.is_first_distinct(),
    "among others": a.is_in(pl.col("b").implode()),
    "rolling": a.rolling_mean(2),
    "in a branch": pl.when(a > a.min()).then(1).otherwise(2),
    "within a struct": pl.struct(a, a.sum().alias("t")),
    "field": st.struct.with_fields(pl.field("x") - pl.field("x").mean()),
    "rank of a field": st.struct.with_fields(pl.field("x").rank()),
    "selected": pl.selectors.first().sum(),
    "rank of a selected": pl.nth(0).rank(),
    "repeated": pl.repeat(a.max(), pl.len()),
}
GUESSED_FORMAT = {
    "moment": s.str.to_datetime(),
    "moment or nothing": s.str.to_datetime(strict=False),
    "date": s.str.to_date(strict=False),
    "time": s.str.to_time(),
    "within others": pl.coalesce(s.str.to_date(strict=False).dt.year(), a),
    "under another name": s.str.strptime(pl.Date).alias("day"),
}
HIDDEN_ACROSS_ROWS = {
    "function of a column": a.map_batches(lambda values: values - values.mean()),
    "after elements": ls.list.eval(pl.element() * pl.len()).list.len().cum_sum(),
    "after a function": a.map_elements(abs, return_dtype=pl.Int64).cum_sum(),
}
ROWWISE = {
    "column": a,
    "sum": a + pl.col("b"),
    "across columns": pl.sum_horizontal("a", "b"),
    "constant": pl.lit(3),
    "constant moment": pl.lit(dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    "constant list": pl.lit([1, 2]),
    "constant text": pl.lit("Agg"),
    "null": pl.lit(None),
    "many constants": pl.repeat(1, pl.len()),
    "one of": a.is_in([1, 2]),
    "one of a list": a.is_in(pl.lit([1, 2]).implode()),
    "words": s.replace_strict({"2024-01-01": 1}, default=None),
    "function": a.map_elements(successor, return_dtype=pl.Int64),
    "random": a.map_elements(random_number, return_dtype=pl.Float64),
    "failing": a.map_elements(inverse, return_dtype=pl.Int64),
    "moment": s.str.to_datetime("%Y-%m-%d"),
    "text": s.str.replace_all(r"\D", "").cast(pl.Int64),
    "split": s.str.split("-").list.get(0),
    "sum of a list": ls.list.sum(),
    "any of a list": (ls.list.len() > 1) & ls.list.eval(pl.element() > 1).list.any(),
    "elements": ls.list.eval(pl.element().rank()),
    "shares": ls.list.eval(pl.element() / pl.len()),
    "fold": pl.fold(0, operator.add, ["a", "b"]),
    "running fold": pl.cum_fold(0, operator.add, ["a", "b"]),
    "field named as a sum": pl.struct(Agg="a").struct.field("Agg"),
    "struct named as a window": pl.struct(Over="a"),
    "selected column": pl.selectors.first() + 1,
    "ones": pl.ones(pl.len()),
    "constant of a type": pl.repeat(1, pl.len(), dtype=pl.Int8),
    "list": pl.concat_list("a", "b"),
    "struct": pl.struct("a", "b"),
    "field": st.struct.field("x"),
    "fields": st.struct.with_fields(pl.field("x") * 2),
    "branch": pl.when(a > 1).then(pl.lit("x")).otherwise(s),
    "coalesce": pl.coalesce("a", "b"),
    "format": pl.format("{}-{}", a, s),
    "hash": a.hash(),
    "column named as a sum": pl.col("Agg"),
}
ROWS = {
    "a": [1, 5, 2, 5, None],
    "b": [1, 1, 3, 2, 9],
    "s": [f"2024-01-0{day}" for day in range(1, 6)],
    "l": [[1, 2], [], [3], None, [2, 1]],
    "st": [{"x": x} for x in range(5)],
    "Agg": [1, 2, 3, 4, 5],
}


def fit(expression, rows=ROWS):
    return Preparer(mapping=load_mapping({"v": expression})).fit(raw_of(**rows))


@pytest.mark.parametrize("expression", ACROSS_ROWS.values(), ids=[*ACROSS_ROWS])
def test_expression_across_rows_is_refused_when_loaded(expression):
    with pytest.raises(ConfigError, match=r"^mapping, column v: its expression looks"):
        load_mapping({"v": expression})


@pytest.mark.parametrize("expression", GUESSED_FORMAT.values(), ids=[*GUESSED_FORMAT])
def test_expression_that_guesses_a_format_is_refused(expression):
    with pytest.raises(ConfigError, match=r"column v: .* give a format, as in .*parse"):
        load_mapping({"v": expression})


@pytest.mark.parametrize(
    "expression", HIDDEN_ACROSS_ROWS.values(), ids=[*HIDDEN_ACROSS_ROWS]
)
def test_expression_across_rows_in_a_function_is_refused_on_first_rows(expression):
    with pytest.raises(ConfigError, match="column v: its expression looks at other"):
        fit(expression)


def test_hidden_running_sum_is_detected_from_a_single_row():
    with pytest.raises(ConfigError, match="column v"):
        fit(HIDDEN_ACROSS_ROWS["after a function"], {"a": [4]})


@pytest.mark.parametrize("expression", ROWWISE.values(), ids=[*ROWWISE])
@pytest.mark.parametrize("rows", [5, 1])
def test_rowwise_expression_is_accepted(expression, rows):
    mapping = load_mapping({"v": expression})
    mapping.try_expressions(raw_of(**ROWS).head(rows))
