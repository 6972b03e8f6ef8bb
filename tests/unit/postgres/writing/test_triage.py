"""Which approach is tried after a failure."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from propload.batch import ROW
from propload.postgres.session.failures import Failure
from propload.postgres.sql.shape import ColumnShape, Shape
from propload.postgres.writing.approach import Approach
from propload.postgres.writing.refused.sifting import Sifter
from propload.postgres.writing.triage import NOT_COPIED, Triage
from propload.target import ColumnPlan, TableName

CHECK_FAILED = "23514"


def _layer(*keys):
    rows = {"k": keys, "v": [f"text {key}" for key in keys], ROW: range(len(keys))}
    return pl.DataFrame(rows, schema_overrides={"k": pl.Int64, ROW: pl.Int64})


def _shape(**rules):
    columns = (
        ColumnShape(ColumnPlan("k", pl.Int64(), "copy", "bigint")),
        ColumnShape(ColumnPlan("v", pl.String(), "copy", "text")),
    )
    return Shape(TableName("public", "t"), columns, key=("k",), **rules)


def _failure(**facts):
    known = Failure("data", CHECK_FAILED, "refused", None, "v", None, "a test's")
    return replace(known, **facts)


def _next_approach(approach, failure, *, connection=None, direct=False, **rules):
    shape = _shape(**rules)
    return Triage(shape, Sifter(shape)).next_approach(
        connection, approach, 0, failure, direct=direct
    )


def test_row_named_by_copy_is_left_out_with_its_reason():
    approach = _next_approach(Approach((_layer(1, 2, 3),)), _failure(line=2))
    assert approach.layers[0]["k"].to_list() == [1, 3]
    assert approach.left_out[0]["value"].to_list() == ["text 2"]
    assert approach.left_out_named
    assert approach.step == "none"


@pytest.mark.parametrize("rules", [{"mode": "insert-new"}, {"newest": "v"}], ids=str)
def test_named_row_is_only_suspected_if_its_stored_row_may_stay(rules):
    rows = Approach((_layer(1, 2, 3),))
    approach = _next_approach(rows, _failure(line=2), direct=True, **rules)
    assert [layer["k"].to_list() for layer in approach.layers] == [[2], [1, 3]]
    assert (approach.step, approach.suspected) == ("suspect", 0)
    assert approach.left_out == ()
    # a row that COPY cannot put into the stage is not refused for a stored row
    assert _next_approach(rows, _failure(line=2), **rules).left_out_named


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        ({"line": 2, "kind": "permanent"}, {}),
        ({"line": 2}, {"on_null": "keep"}),
        ({"line": 2, "sqlstate": "54000"}, {}),
        ({}, {}),
    ],
    ids=["of a trigger", "a null is kept", "wider than a page", "no line"],
)
def test_no_row_is_left_out_if_the_line_may_not_be_the_bad_row(facts, rules):
    first = Approach((_layer(1, 2, 3),))
    approach = _next_approach(first, _failure(**facts), **rules)
    assert approach.layers == first.layers
    assert approach.left_out == ()
    assert approach.step == "screen"


def test_second_named_row_leads_to_screening_all_rows():
    first = _next_approach(Approach((_layer(1, 2, 3),)), _failure(line=2))
    second = _next_approach(first, _failure(line=1))
    assert second.step == "screen"
    assert second.layers == first.layers
    assert _next_approach(second, _failure()).step == "sift"


def test_piece_is_given_up_if_sifting_fails_and_all_rows_can_be_copied():
    approach = Approach((_layer(1),), step="sift")
    stage = _Stage()
    assert _next_approach(approach, _failure(), connection=stage) is None
    assert stage.copied == 1


def test_texts_that_no_server_accepts_are_left_out_before_sifting():
    layer = _layer(1, 2).with_columns(v=pl.Series(["good", "a\0b"]))
    approach = _next_approach(Approach((layer,)), _failure(sqlstate=NOT_COPIED))
    assert approach.layers[0]["k"].to_list() == [1]
    assert approach.step == "sift"


def test_suspects_become_a_layer_that_is_searched_alone():
    first = Approach((_layer(1), _layer(2, 3, 4), _layer(5)))
    approach = first.with_suspects(1, pl.Series([False, True, False]))
    assert [layer["k"].to_list() for layer in approach.layers] == [
        [1],
        [3],
        [2, 4],
        [5],
    ]
    assert [approach.is_searched(number) for number in range(4)] == [
        False,
        True,
        False,
        False,
    ]
    assert not any(first.is_searched(number) for number in range(3))


class _Stage:
    """A session that accepts every row and counts the copies."""

    copied = 0

    def execute(self, statement):
        return None

    def copy(self, table, rows, **kind):
        self.copied += 1

    def rollback(self):
        pass
