"""How a piece is tried again: older versions of refused rows get their turn."""

from __future__ import annotations

import polars as pl
import pytest

from propload.batch import REASONS, ROW
from propload.postgres.writing.approach import Approach
from propload.postgres.writing.refused.refusals import Refusal
from propload.prepare.dedupe import dedupe

KEY = ("k",)


def frame_of(keys):
    return pl.DataFrame({"k": keys}, schema={"k": pl.Int64}).with_row_index(ROW)


def approach_of(keys, **options):
    deduped = dedupe(frame_of(keys), key=KEY)
    return Approach(deduped.layers, deduped.versions, **options)


def rows_of(frame):
    return frame[ROW].to_list()


def row_numbers(*rows):
    return pl.Series(rows, dtype=pl.UInt32)


def test_refused_row_without_older_versions_changes_nothing():
    approach = approach_of([1, 1, 2])
    assert approach.with_versions_of(row_numbers(2), KEY) is None
    assert approach_of([1, 2]).with_versions_of(row_numbers(0), KEY) is None


def test_reasons_of_rows_that_are_tried_again_are_dropped():
    reasons = pl.DataFrame(
        [(1, *[None] * 6), (2, *[None] * 6)], schema=REASONS, orient="row"
    )
    approach = approach_of([1, 1, 2], left_out=(reasons,))
    again = approach.with_versions_of(row_numbers(1, 2), KEY)
    assert [rows_of(each) for each in again.left_out] == [[2]]


def test_all_rows_keep_their_order_if_the_server_may_equate_keys():
    approach = approach_of([1, 2, 1, 3])
    again = approach.with_versions_of(row_numbers(2), KEY, server_equality=True)
    assert [rows_of(layer) for layer in again.layers] == [[], [0, 1, 2, 3]]
    assert again.duplicates == 0


@pytest.mark.parametrize("number", [0, 1])
def test_only_the_last_layer_is_written_row_by_row(number):
    again = approach_of([1, 1, 2]).with_versions_of(row_numbers(1), KEY)
    assert again.is_by_row(number) is (number == 1)
    assert again.is_searched(number) is (number == 1)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_rejected_row_is_removed_from_its_layer_alone(number):
    layers = tuple(frame_of([1, 2]).with_columns(pl.col(ROW) + 2 * n) for n in range(3))
    refusal = Refusal(1, "k", None, "it is bad", "23514")
    again = Approach(layers).without_refused(number, [refusal])
    row = 2 * number + 1
    left = [[2 * n, 2 * n + 1] for n in range(3)]
    left[number].remove(row)
    assert [rows_of(layer) for layer in again.layers] == left
    reasons = again.left_out[0].select(ROW, "column", "message").rows()
    assert reasons == [(row, "k", "it is bad")]
    assert not again.left_out_named


@pytest.mark.parametrize("number", [0, 1, 2])
def test_suspects_are_tried_before_the_rest_of_their_layer(number):
    layers = tuple(frame_of([1, 2]).with_columns(pl.col(ROW) + 2 * n) for n in range(3))
    again = Approach(layers).with_suspects(number, pl.Series([False, True]))
    expected = [[0, 1], [2, 3], [4, 5]]
    expected[number : number + 1] = [[2 * number + 1], [2 * number]]
    assert [rows_of(layer) for layer in again.layers] == expected
    searched = [again.is_searched(each) for each in range(4)]
    assert searched == [each == number for each in range(4)]


def test_further_keys_join_the_layer_written_row_by_row():
    approach = approach_of([1, 2, 1, 2, 3])
    once = approach.with_versions_of(row_numbers(2), KEY)
    assert [rows_of(layer) for layer in once.layers] == [[3, 4], [0, 2]]
    twice = once.with_versions_of(row_numbers(3), KEY)
    assert [rows_of(layer) for layer in twice.layers] == [[4], [0, 1, 2, 3]]
    # every version has had its turn
    assert twice.with_versions_of(row_numbers(0, 1, 2, 3), KEY) is None
    assert (approach.duplicates, once.duplicates, twice.duplicates) == (2, 1, 0)
