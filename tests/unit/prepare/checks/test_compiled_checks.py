"""Compiled checks: which rows they pass, and which are left to pandera."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.checks import row_validation
from propload.prepare.checks.compiled_checks import (
    Acceptor,
    CheckFacts,
    ColumnFacts,
    RowCheck,
)
from propload.prepare.checks.validation import load_schema


def forbid_pandera(monkeypatch):
    def validate(*_):
        pytest.fail("pandera was called for rows that surely pass")

    monkeypatch.setattr(row_validation, "_validate", validate)


def test_pandera_is_not_called_for_rows_that_pass(monkeypatch):
    columns = {
        "a": pa.Column(pl.Int64, [pa.Check.ge(0), pa.Check.isin([1, 2])]),
        "b": pa.Column(pl.String, pa.Check.str_matches("x"), nullable=True),
    }
    checker = load_schema(pa.DataFrameSchema(columns))
    forbid_pandera(monkeypatch)
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]}).with_row_index(ROW)
    assert checker.check(frame).frame.equals(frame)


def test_pandera_gets_only_rows_that_may_fail(monkeypatch):
    checker = load_schema(
        pa.DataFrameSchema({"a": pa.Column(pl.Int64, pa.Check.ge(0))})
    )
    heights = []
    validate = row_validation._validate
    monkeypatch.setattr(
        row_validation,
        "_validate",
        lambda schema, frame: heights.append(frame.height) or validate(schema, frame),
    )
    frame = pl.DataFrame({"a": [1, -1, 2, None]}).with_row_index(ROW)
    good, reasons = checker.check(frame)
    assert heights == [2]
    assert good["a"].to_list() == [1, 2]
    assert sorted(reasons[ROW]) == [1, 3]


def test_pandera_runs_only_checks_that_cannot_be_compiled(monkeypatch):
    own = pa.Check(lambda rows: rows.lazyframe.select(pl.col(rows.key) < 3))
    checker = load_schema(
        pa.DataFrameSchema({"a": pa.Column(pl.Int64, [pa.Check.ge(0), own])})
    )
    check_counts = []
    validate = row_validation._validate
    monkeypatch.setattr(
        row_validation,
        "_validate",
        lambda schema, frame: (
            check_counts.append(len(schema.columns["a"].checks))
            or validate(schema, frame)
        ),
    )
    right = pl.DataFrame({"a": [1, 2]}).with_row_index(ROW)
    assert checker.check(right).reasons.is_empty()
    assert check_counts == [1]


def test_check_unfit_for_its_column_is_left_to_pandera():
    column = ColumnFacts(
        "a",
        None,
        nullable=True,
        required=True,
        checks=(CheckFacts("str_length", {"max_value": 2}),),
    )
    assert Acceptor((column,)).accept(pl.DataFrame({"a": [1]})) is None


def test_missing_or_mistyped_column_is_left_to_pandera():
    column = ColumnFacts("a", pl.Int64(), nullable=True, required=True)
    assert Acceptor((column,)).accept(pl.DataFrame({"b": [1]})) is None
    assert Acceptor((column,)).accept(pl.DataFrame({"a": ["1"]})) is None
    accepted = Acceptor((column,)).accept(pl.DataFrame({"a": [1, 2]}))
    assert accepted is not None
    assert accepted.to_list() == [True, True]


def test_expression_treats_missing_columns_as_null():
    check = RowCheck(pl.col("a") < pl.col("b"))
    acceptor = Acceptor((), (check,))
    assert acceptor.accept(pl.DataFrame({"c": [5, 6]})).to_list() == [True, True]
    assert acceptor.accept(pl.DataFrame({"a": [5, 6]})).to_list() == [True, True]
    strict = RowCheck(check.expression, ignore_na=False)
    accepted = Acceptor((), (strict,)).accept(pl.DataFrame({"a": [5, 6]}))
    assert accepted.to_list() == [False, False]
    assert acceptor.accept(pl.DataFrame({"a": [5, 6], "b": [9, 1]})).to_list() == [
        True,
        False,
    ]
