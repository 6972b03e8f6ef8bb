"""Lanes read a table together, and wait for each other no longer than necessary."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from propload.postgres.session.driver_errors import ServerError
from propload.postgres.writing.stored import table_reading
from propload.postgres.writing.stored.table_reading import TableReader
from tests.unit.postgres.writing.stored_table import HASHER, StoredTable, layer_of
from tests.waiting import recorded_waits

pytestmark = pytest.mark.timeout(30)

PARTS = [{1: "a", 2: "b"}, {3: "c"}, {}, {4: "d", 5: "e"}]
ALL = {key: value for part in PARTS for key, value in part.items()}


def _reader(table, limit=1_000.0):
    return TableReader(HASHER, table.pages, limit)


def _found(known, rows):
    return known.find(HASHER.hash_incoming(layer_of(rows))).tolist()


def test_single_lane_reads_all_parts_and_knows_their_rows():
    table = StoredTable(PARTS)
    known = _reader(table).read(table)
    assert table.read == [0, 1, 2, 3]
    assert all(_found(known, ALL))
    assert not any(_found(known, {1: "b", 3: "d", 6: "a"}))


def test_table_without_pages_is_read_once():
    table = StoredTable([{}])
    known = TableReader(HASHER, 0, 100.0).read(table)
    assert table.read == [0]
    assert _found(known, ALL) == [False] * 5


def test_table_is_read_only_once():
    table = StoredTable(PARTS)
    reading = _reader(table)
    assert reading.read(table) is reading.read(table)
    assert len(table.read) == 4


def test_two_lanes_share_the_parts_and_get_the_same_result():
    # each lane waits within a part until the other is within one
    both_read = threading.Barrier(2, timeout=10)
    tables = [StoredTable(PARTS, on_read=lambda _: both_read.wait()) for _ in range(2)]
    reading = _reader(tables[0])
    with ThreadPoolExecutor(2) as lanes:
        first, second = lanes.map(reading.read, tables)
    assert first is second
    assert len(tables[0].read) == len(tables[1].read) == 2
    assert sorted(tables[0].read + tables[1].read) == [0, 1, 2, 3]


def test_reading_stops_if_the_table_is_too_long():
    table = StoredTable(PARTS)
    # two rows in the first pages suggest hundreds in the others
    assert _reader(table, limit=100.0).read(table) is None
    assert table.read == [0]


def test_reading_stops_within_a_part_with_too_many_rows(monkeypatch):
    table = StoredTable([dict.fromkeys(range(9), "a")])
    read = []

    def batches(self, sql):
        for rows in original(self, sql):
            for start in range(rows.num_rows):
                read.append(start)
                yield rows.slice(start, 1)

    original = StoredTable.batches
    monkeypatch.setattr(StoredTable, "batches", batches)
    assert _reader(table, limit=5.0).read(table) is None
    assert read == [0, 1, 2, 3, 4, 5]


def test_failed_part_wakes_the_waiting_lane(monkeypatch):
    reads, fails = threading.Event(), threading.Event()

    def fail(_number):
        reads.set()
        assert fails.wait(10)
        raise ServerError("lost", sqlstate="57P01")

    failing = StoredTable([{1: "a"}], on_read=fail)
    reading = _reader(failing)
    waits = recorded_waits(reading._changed, monkeypatch)
    with ThreadPoolExecutor(2) as lanes:
        first = lanes.submit(reading.read, failing)
        assert reads.wait(10)
        second = lanes.submit(reading.read, StoredTable([{1: "a"}]))
        assert waits.acquire(timeout=10)
        fails.set()
        assert first.result(10) is None
        assert second.result(10) is None


def test_interrupted_lane_ends_the_reading_of_the_others():
    def end(_number):
        raise KeyboardInterrupt

    ending = StoredTable(PARTS, on_read=end)
    reading = _reader(ending)
    with pytest.raises(KeyboardInterrupt):
        reading.read(ending)
    assert reading.read(StoredTable(PARTS)) is None


def test_part_that_takes_too_long_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(table_reading, "WAIT_SECONDS", 0.01)
    reads, goes_on = threading.Event(), threading.Event()

    def wait(_number):
        reads.set()
        assert goes_on.wait(10)

    slow = StoredTable([{1: "a"}], on_read=wait)
    reading = _reader(slow)
    with ThreadPoolExecutor(1) as lane:
        first = lane.submit(reading.read, slow)
        assert reads.wait(10)
        assert reading.read(StoredTable([{1: "a"}])) is None
        goes_on.set()
        assert first.result(10) is None


def test_abandoned_table_is_not_read():
    table = StoredTable(PARTS)
    reading = _reader(table)
    reading.abandon("enough")
    assert reading.read(table) is None
    assert table.read == []
