"""Rows that the table holds are not sent, and all others are."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import polars as pl
import pytest

from propload.batch import ROW
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.writing.stored import stored_rows
from propload.postgres.writing.stored.server_hashes import LONGEST
from propload.postgres.writing.stored.stored_rows import MOST_ROWS, StoredRows
from tests.unit.postgres.writing import stored_table
from tests.unit.postgres.writing.stored_table import (
    COLUMNS,
    HASHER,
    SHAPE,
    StoredTable,
    layer_of,
)
from tests.waiting import recorded_waits

pytestmark = pytest.mark.timeout(30)

TABLE = {key: f"text {key}" for key in range(10)}


@pytest.fixture(autouse=True)
def _of_few_rows(monkeypatch):
    """Have loads of few rows compared as well."""
    monkeypatch.setattr(stored_rows, "LEAST_ROWS", 1)


def _all(rows):
    return rows.height


def _stored(expected=100):
    return StoredRows(HASHER, lambda: expected)


def _sent(stored, table, *layers, versions=None, count_stored=_all):
    """The keys that are sent, by layer, and how many rows are not."""
    left, unchanged = stored.drop_unchanged(
        table, layers, versions, count_stored=count_stored
    )
    return [layer["k"].to_list() for layer in left], unchanged


def test_only_what_differs_is_sent():
    rows = {0: "text 0", 1: "other", 2: "text 2", 77: "new"}
    sent = _sent(_stored(), StoredTable([TABLE]), layer_of(rows))
    assert sent == ([[1, 77]], 2)


def test_a_key_that_was_sent_is_sent_again_whatever_it_holds():
    stored, table = _stored(), StoredTable([TABLE])
    assert _sent(stored, table, layer_of({1: "other"})) == ([[1]], 0)
    # the table holds what the first piece has made of it
    assert _sent(stored, table, layer_of({1: "text 1", 2: "text 2"})) == ([[1]], 1)


def test_rows_with_values_too_long_to_be_compared_are_sent():
    long = {1: "text 1", 2: "x" * (LONGEST + 1)}
    stored, table = _stored(), StoredTable([{**TABLE, **long}])
    assert _sent(stored, table, layer_of(long)) == ([[2]], 1)
    assert _sent(stored, table, layer_of(TABLE)) == ([[2]], 9)


def test_rows_whose_keys_are_too_long_are_all_sent(monkeypatch):
    asked = replace(HASHER, key=("v",))
    monkeypatch.setattr(stored_table, "HASHER", asked)
    stored, table = StoredRows(asked, lambda: 100), StoredTable([TABLE])
    assert _sent(stored, table, layer_of({1: "text 1"})) == ([[]], 1)
    long = layer_of({1: "text 1", 2: "x" * (LONGEST + 1)})
    assert _sent(stored, table, long) == ([[1, 2]], 0)
    # and all that comes later, as nobody knows which of them it is
    assert _sent(stored, table, layer_of({1: "text 1"})) == ([[1]], 0)


def test_a_second_layer_follows_what_the_first_one_makes_of_a_key():
    layers = layer_of({1: "other"}), layer_of({1: "text 1", 2: "text 2"})
    assert _sent(_stored(), StoredTable([TABLE]), *layers) == ([[1], [1]], 1)


def test_rows_whose_key_comes_several_times_are_all_sent():
    layer = layer_of(TABLE)
    versions = layer.filter(pl.col("k") == 3)
    sent = _sent(_stored(), StoredTable([TABLE]), layer, versions=versions)
    assert sent == ([[3]], 9)


@pytest.mark.parametrize(
    ("expected", "unchanged"),
    [(None, 10), (0, 10), (100, 4), (100, None), (3, 10)],
    ids=["unknown", "none", "most_changed", "refused", "long_table"],
)
def test_a_table_is_not_read_where_it_is_not_worth_it(expected, unchanged):
    # four parts, of which one is enough to see that the table is too long
    table = StoredTable([TABLE] * 4)
    stored = _stored(expected)
    sent = _sent(stored, table, layer_of(TABLE), count_stored=lambda _: unchanged)
    assert sent == ([list(TABLE)], 0)
    assert len(table.read) <= 1
    # nor is it asked again
    sent = _sent(stored, table, layer_of({1: "text 1"}), count_stored=pytest.fail)
    assert sent == ([[1]], 0)


@pytest.mark.parametrize("told", [{"is_plain": False}, {"counted": 10**6}], ids=str)
def test_of_a_table_that_is_not_read_no_rows_are_looked_at(told):
    table = StoredTable([TABLE], **told)
    sent = _sent(_stored(), table, layer_of(TABLE), count_stored=pytest.fail)
    assert sent == ([list(TABLE)], 0)
    assert table.read == []


@pytest.mark.parametrize(("fewer", "is_read"), [(0, True), (1, False)])
def test_few_rows_are_looked_up(monkeypatch, fewer, is_read):
    monkeypatch.setattr(stored_rows, "LEAST_ROWS", len(TABLE))
    table = StoredTable([TABLE])
    count_stored = _all if is_read else pytest.fail
    sent = _sent(
        _stored(len(TABLE) - fewer), table, layer_of(TABLE), count_stored=count_stored
    )
    assert bool(table.read) == is_read
    assert sent == (([[]], 10) if is_read else ([list(TABLE)], 0))


def test_a_table_that_is_gone_is_not_read(monkeypatch):
    monkeypatch.setattr(StoredTable, "ask", lambda *_: [])
    sent = _sent(_stored(), StoredTable([TABLE]), layer_of(TABLE))
    assert sent == ([list(TABLE)], 0)


def test_a_piece_without_rows_judges_nothing():
    stored, table = _stored(), StoredTable([TABLE])
    assert _sent(stored, table, layer_of({}), count_stored=pytest.fail) == ([[]], 0)
    assert _sent(stored, table, layer_of({1: "text 1"})) == ([[]], 1)


def test_no_more_rows_are_read_than_fit_in_memory(monkeypatch):
    monkeypatch.setattr(stored_rows, "MOST_ROWS", 15)
    table = StoredTable([TABLE] * 2)
    assert _sent(_stored(10 * MOST_ROWS), table, layer_of(TABLE))[1] == 0
    assert table.read == [0]


def test_a_sample_of_a_long_piece_is_looked_at(monkeypatch):
    monkeypatch.setattr(stored_rows, "SAMPLED_ROWS", 4)
    seen = []

    def count_stored(rows):
        seen.extend(rows["k"])
        return rows.height

    assert _sent(
        _stored(), StoredTable([TABLE]), layer_of(TABLE), count_stored=count_stored
    ) == ([[]], 10)
    assert seen == [0, 3, 6, 9]


def test_where_little_is_found_rows_are_not_compared_any_more(monkeypatch):
    monkeypatch.setattr(stored_rows, "SAMPLED_ROWS", 5)
    stored, table = _stored(), StoredTable([TABLE])
    others = dict.fromkeys(range(100, 110), "new")
    assert _sent(stored, table, layer_of(others))[1] == 0
    assert _sent(stored, table, layer_of(TABLE)) == ([list(TABLE)], 0)


@contextmanager
def two_lanes(stored, table, monkeypatch, count_stored=_all):
    """Yield what two lanes send, of which one judges until it may and one waits for it.

    The third is the event that lets the first one go on.
    """
    judging, may_go_on = threading.Event(), threading.Event()

    def judge(rows):
        judging.set()
        assert may_go_on.wait(10)
        return count_stored(rows)

    waits = recorded_waits(stored._changed, monkeypatch)
    with ThreadPoolExecutor(2) as lanes:
        layer = layer_of({1: "text 1"})
        first = lanes.submit(_sent, stored, table, layer, count_stored=judge)
        assert judging.wait(10)
        second = lanes.submit(_sent, stored, table, layer_of({2: "text 2"}))
        assert waits.acquire(timeout=10)
        yield first, second, may_go_on


def test_no_lane_sends_a_row_before_it_is_judged_whether_to_read(monkeypatch):
    lanes = two_lanes(_stored(), StoredTable([TABLE]), monkeypatch)
    with lanes as (first, second, may_go_on):
        may_go_on.set()
        assert first.result(10) == second.result(10) == ([[]], 1)


def test_a_lane_that_cannot_judge_wakes_the_others(monkeypatch):
    def fail(_rows):
        raise ServerError("lost", sqlstate="57P01")

    stored, table = _stored(), StoredTable([TABLE])
    with two_lanes(stored, table, monkeypatch, fail) as (first, second, may_go_on):
        may_go_on.set()
        with pytest.raises(ServerError):
            first.result(10)
        assert second.result(10) == ([[2]], 0)
    # the piece is tried again without
    assert _sent(stored, table, layer_of({1: "text 1"})) == ([[1]], 0)


def test_giving_up_wakes_a_lane_that_waits(monkeypatch):
    stored, table = _stored(), StoredTable([TABLE])
    with two_lanes(stored, table, monkeypatch) as (first, second, may_go_on):
        stored.give_up()
        assert second.result(10) == ([[2]], 0)
        may_go_on.set()
        assert first.result(10) == ([[1]], 0)
    assert table.read == []


@pytest.mark.parametrize(
    "rules",
    [
        {"mode": "insert-new"},
        {"mode": "replace"},
        {"mode": "append", "key": ()},
        {"triggered": True},
        {"columns": (replace(COLUMNS[0], server_equality=True), COLUMNS[1])},
    ],
    ids=str,
)
def test_rows_are_compared_only_where_an_equal_one_stays_as_it_is(rules, monkeypatch):
    monkeypatch.setattr(stored_rows, "LEAST_COLUMNS", len(SHAPE.columns))
    assert StoredRows.for_shape(SHAPE, lambda: 1) is not None
    assert StoredRows.for_shape(replace(SHAPE, **rules), lambda: 1) is None


def test_rows_of_few_columns_are_looked_up(monkeypatch):
    monkeypatch.setattr(stored_rows, "LEAST_COLUMNS", len(SHAPE.columns) + 1)
    assert StoredRows.for_shape(SHAPE, lambda: 1) is None


def test_pieces_keep_their_rows_numbers():
    [layer], _ = _stored().drop_unchanged(
        StoredTable([TABLE]),
        (layer_of({1: "text 1", 2: "other"}),),
        None,
        count_stored=_all,
    )
    assert layer[ROW].to_list() == [1]
