"""Rows that the table holds unchanged are not sent, and all others are."""

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
def _compare_few_rows(monkeypatch):
    """Have even loads of few rows compared."""
    monkeypatch.setattr(stored_rows, "LEAST_ROWS", 1)


def _count_all(rows):
    return rows.height


def _stored_rows(expected=100):
    return StoredRows(HASHER, lambda: expected)


def _sent(stored, table, *layers, versions=None, count_stored=_count_all):
    """Return the keys that are sent, by layer, and the number of rows that are not."""
    left, unchanged = stored.drop_unchanged(
        table, layers, versions, count_stored=count_stored
    )
    return [layer["k"].to_list() for layer in left], unchanged


def test_only_rows_that_differ_are_sent():
    rows = {0: "text 0", 1: "other", 2: "text 2", 77: "new"}
    sent = _sent(_stored_rows(), StoredTable([TABLE]), layer_of(rows))
    assert sent == ([[1, 77]], 2)


def test_key_that_was_sent_once_is_always_sent_again():
    stored, table = _stored_rows(), StoredTable([TABLE])
    assert _sent(stored, table, layer_of({1: "other"})) == ([[1]], 0)
    # the first piece has changed the stored row
    assert _sent(stored, table, layer_of({1: "text 1", 2: "text 2"})) == ([[1]], 1)


def test_rows_with_values_too_long_to_compare_are_sent():
    long = {1: "text 1", 2: "x" * (LONGEST + 1)}
    stored, table = _stored_rows(), StoredTable([{**TABLE, **long}])
    assert _sent(stored, table, layer_of(long)) == ([[2]], 1)
    assert _sent(stored, table, layer_of(TABLE)) == ([[2]], 9)


def test_all_rows_are_sent_once_a_key_is_too_long_to_compare(monkeypatch):
    hasher = replace(HASHER, key=("v",))
    monkeypatch.setattr(stored_table, "HASHER", hasher)
    stored, table = StoredRows(hasher, lambda: 100), StoredTable([TABLE])
    assert _sent(stored, table, layer_of({1: "text 1"})) == ([[]], 1)
    long = layer_of({1: "text 1", 2: "x" * (LONGEST + 1)})
    assert _sent(stored, table, long) == ([[1, 2]], 0)
    # and all later rows, as any of them may have that key
    assert _sent(stored, table, layer_of({1: "text 1"})) == ([[1]], 0)


def test_key_sent_in_the_first_layer_is_sent_in_the_second():
    layers = layer_of({1: "other"}), layer_of({1: "text 1", 2: "text 2"})
    assert _sent(_stored_rows(), StoredTable([TABLE]), *layers) == ([[1], [1]], 1)


def test_rows_whose_key_is_repeated_are_all_sent():
    layer = layer_of(TABLE)
    versions = layer.filter(pl.col("k") == 3)
    sent = _sent(_stored_rows(), StoredTable([TABLE]), layer, versions=versions)
    assert sent == ([[3]], 9)


@pytest.mark.parametrize(
    ("expected", "unchanged"),
    [(None, 10), (0, 10), (100, 4), (100, None), (3, 10)],
    ids=["unknown", "none", "most_changed", "refused", "long_table"],
)
def test_table_is_not_read_if_it_is_not_worthwhile(expected, unchanged):
    # four parts; one is enough to see that the table is too long
    table = StoredTable([TABLE] * 4)
    stored = _stored_rows(expected)
    sent = _sent(stored, table, layer_of(TABLE), count_stored=lambda _: unchanged)
    assert sent == ([list(TABLE)], 0)
    assert len(table.read) <= 1
    # nor is it asked again
    sent = _sent(stored, table, layer_of({1: "text 1"}), count_stored=pytest.fail)
    assert sent == ([[1]], 0)


@pytest.mark.parametrize("facts", [{"is_plain": False}, {"counted": 10**6}], ids=str)
def test_unsuitable_table_is_not_sampled(facts):
    table = StoredTable([TABLE], **facts)
    sent = _sent(_stored_rows(), table, layer_of(TABLE), count_stored=pytest.fail)
    assert sent == ([list(TABLE)], 0)
    assert table.read == []


@pytest.mark.parametrize(("fewer", "is_read"), [(0, True), (1, False)])
def test_table_is_not_read_for_few_rows(monkeypatch, fewer, is_read):
    monkeypatch.setattr(stored_rows, "LEAST_ROWS", len(TABLE))
    table = StoredTable([TABLE])
    count_stored = _count_all if is_read else pytest.fail
    sent = _sent(
        _stored_rows(len(TABLE) - fewer),
        table,
        layer_of(TABLE),
        count_stored=count_stored,
    )
    assert bool(table.read) == is_read
    assert sent == (([[]], 10) if is_read else ([list(TABLE)], 0))


def test_missing_table_is_not_read(monkeypatch):
    monkeypatch.setattr(StoredTable, "ask", lambda *_: [])
    sent = _sent(_stored_rows(), StoredTable([TABLE]), layer_of(TABLE))
    assert sent == ([list(TABLE)], 0)


def test_empty_piece_does_not_decide_whether_to_read():
    stored, table = _stored_rows(), StoredTable([TABLE])
    assert _sent(stored, table, layer_of({}), count_stored=pytest.fail) == ([[]], 0)
    assert _sent(stored, table, layer_of({1: "text 1"})) == ([[]], 1)


def test_reading_stops_at_the_limit_of_rows_in_memory(monkeypatch):
    monkeypatch.setattr(stored_rows, "MOST_ROWS", 15)
    table = StoredTable([TABLE] * 2)
    assert _sent(_stored_rows(10 * MOST_ROWS), table, layer_of(TABLE))[1] == 0
    assert table.read == [0]


def test_long_piece_is_sampled(monkeypatch):
    monkeypatch.setattr(stored_rows, "SAMPLED_ROWS", 4)
    seen = []

    def count_stored(rows):
        seen.extend(rows["k"])
        return rows.height

    assert _sent(
        _stored_rows(), StoredTable([TABLE]), layer_of(TABLE), count_stored=count_stored
    ) == ([[]], 10)
    assert seen == [0, 3, 6, 9]


def test_comparing_ends_after_a_piece_with_few_unchanged_rows(monkeypatch):
    monkeypatch.setattr(stored_rows, "SAMPLED_ROWS", 5)
    stored, table = _stored_rows(), StoredTable([TABLE])
    others = dict.fromkeys(range(100, 110), "new")
    assert _sent(stored, table, layer_of(others))[1] == 0
    assert _sent(stored, table, layer_of(TABLE)) == ([list(TABLE)], 0)


@contextmanager
def two_lanes(stored, table, monkeypatch, count_stored=_count_all):
    """Yield the results of two lanes; the second waits for the first to decide.

    The third value is the event that lets the first one go on.
    """
    deciding, may_go_on = threading.Event(), threading.Event()

    def decide(rows):
        deciding.set()
        assert may_go_on.wait(10)
        return count_stored(rows)

    waits = recorded_waits(stored._changed, monkeypatch)
    with ThreadPoolExecutor(2) as lanes:
        layer = layer_of({1: "text 1"})
        first = lanes.submit(_sent, stored, table, layer, count_stored=decide)
        assert deciding.wait(10)
        second = lanes.submit(_sent, stored, table, layer_of({2: "text 2"}))
        assert waits.acquire(timeout=10)
        yield first, second, may_go_on


def test_other_lane_waits_for_the_decision_whether_to_read(monkeypatch):
    lanes = two_lanes(_stored_rows(), StoredTable([TABLE]), monkeypatch)
    with lanes as (first, second, may_go_on):
        may_go_on.set()
        assert first.result(10) == second.result(10) == ([[]], 1)


def test_lane_that_fails_to_decide_wakes_the_others(monkeypatch):
    def fail(_rows):
        raise ServerError("lost", sqlstate="57P01")

    stored, table = _stored_rows(), StoredTable([TABLE])
    with two_lanes(stored, table, monkeypatch, fail) as (first, second, may_go_on):
        may_go_on.set()
        with pytest.raises(ServerError):
            first.result(10)
        assert second.result(10) == ([[2]], 0)
    # the piece is tried again without comparing
    assert _sent(stored, table, layer_of({1: "text 1"})) == ([[1]], 0)


def test_give_up_wakes_a_waiting_lane(monkeypatch):
    stored, table = _stored_rows(), StoredTable([TABLE])
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
def test_rows_are_compared_only_if_equal_rows_stay_unchanged(rules, monkeypatch):
    monkeypatch.setattr(stored_rows, "LEAST_COLUMNS", len(SHAPE.columns))
    assert StoredRows.for_shape(SHAPE, lambda: 1) is not None
    assert StoredRows.for_shape(replace(SHAPE, **rules), lambda: 1) is None


def test_rows_of_few_columns_are_not_compared(monkeypatch):
    monkeypatch.setattr(stored_rows, "LEAST_COLUMNS", len(SHAPE.columns) + 1)
    assert StoredRows.for_shape(SHAPE, lambda: 1) is None


def test_remaining_rows_keep_their_numbers():
    [layer], _ = _stored_rows().drop_unchanged(
        StoredTable([TABLE]),
        (layer_of({1: "text 1", 2: "other"}),),
        None,
        count_stored=_count_all,
    )
    assert layer[ROW].to_list() == [1]
