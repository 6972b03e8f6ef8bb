"""The fast test: which rows it passes, and which are left to pandera."""

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
    judge = row_validation._validate
    monkeypatch.setattr(
        row_validation,
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
    judge = row_validation._validate
    monkeypatch.setattr(
        row_validation,
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
