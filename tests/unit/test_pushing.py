"""Rows that are pushed one by one: their batches fit each other."""

import threading
from collections import deque
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from propload.batch import Batch
from propload.errors import ConfigError, JournalError, QueueClosedError, SourceError
from propload.journal import Journal, JournalOptions
from propload.options import SourceOptions
from propload.pushing import PushedSource, read_name
from propload.testing import MemorySource
from tests.waiting import recorded_waits

pytestmark = pytest.mark.timeout(30)


class Kept:
    """A journal in memory."""

    def __init__(self):
        self.all = []

    def append(self, batch, *, timeout=None):
        assert timeout is None
        self.all.append(batch)

    def try_append(self, batch):
        self.append(batch)
        return True

    @property
    def batches(self):
        return [batch.rows for batch in self.all]


@pytest.fixture
def pushed():
    source = PushedSource(SourceOptions())
    kept = Kept()
    source.attach(kept)
    return source, kept


def test_a_null_has_the_type_that_its_column_had_before(pushed):
    source, kept = pushed
    for area in (10.5, None, 7.0):
        source.put({"id": 1, "area": area})
    assert len({str(rows.schema) for rows in kept.batches}) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"id": 1}, "a dict is not a batch: pass a propload.Batch"),
        (Batch(pa.record_batch({"id": [1]}).select([]), "x", 1), "1 row has no col"),
    ],
)
def test_what_is_no_batch_that_a_load_can_take_is_not_tried(pushed, given, told):
    source, kept = pushed
    with pytest.raises(ConfigError, match=told):
        source.try_put(given)
    assert kept.all == []


def test_a_row_has_no_columns_of_earlier_ones(pushed):
    source, kept = pushed
    source.put({"id": 1, "title": "x"})
    source.put({"id": 1, "price": 5})
    assert [rows.schema.names for rows in kept.batches] == [
        ["id", "title"],
        ["id", "price"],
    ]


def test_rows_are_numbered_on_from_put_to_put(pushed):
    source, kept = pushed
    source.put([{"id": 1}, {}, {"id": 3}])
    source.put([{}])
    source.put(pl.DataFrame({"id": [5, 6]}))
    source.put(iter([{"id": 7}, {}, {"id": 9}]))
    source.put([])
    source.put({"id": 10})
    found = []
    for batch in kept.all:
        numbers = batch.row_numbers or range(
            batch.first_row, batch.first_row + batch.rows.num_rows
        )
        if batch.rows.num_rows:
            found += zip(numbers, batch.rows.column("id").to_pylist(), strict=True)
        found += [(fault.row, None) for fault in batch.unread]
    assert sorted(found, key=lambda each: each[0]) == [
        (number, None if number in {2, 4, 8} else number) for number in range(1, 11)
    ]


def test_rows_without_columns_reach_no_journal(pushed):
    source, kept = pushed
    with pytest.raises(ConfigError, match="2 rows have no columns"):
        source.put(pa.table({"id": [1, 2]}).select([]))
    assert kept.batches == []


def test_rows_that_several_threads_put_have_numbers_of_their_own(pushed):
    source, kept = pushed
    threads = [
        threading.Thread(target=lambda: [source.put({"id": n}) for n in range(50)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(batch.first_row for batch in kept.all) == list(range(1, 201))


class Named(NamedTuple):
    id: int


@pytest.mark.parametrize(
    "rows",
    [
        {"id": 1},
        [{"id": 1}],
        Named(1),
        [Named(1)],
        pl.DataFrame({"id": [1]}),
        pl.DataFrame({"id": [1]}).lazy(),
        iter([{"id": 1}]),
        [pl.DataFrame({"id": [1]})],
        iter([pl.DataFrame({"id": [1]})]),
        [Batch(pa.record_batch({"id": [1]}), "other", 7)],
        pd.read_csv(StringIO("id\n1\n"), chunksize=5),
        MemorySource([{"id": 1}]),
        {1: {"id": 1}}.values(),
        deque([{"id": 1}]),
    ],
    ids=[
        "dict",
        "list",
        "named",
        "list of named",
        "frame",
        "lazy",
        "iterator",
        "list of frames",
        "iterator of frames",
        "list of batches",
        "chunks of a file",
        "source in memory",
        "view",
        "deque",
    ],
)
def test_rows_of_many_kinds_are_taken(pushed, rows):
    source, kept = pushed
    source.put(rows)
    assert [one.to_pylist() for one in kept.batches] == [[{"id": 1}]]


@dataclass
class Unset:
    """A row one of whose fields was never given a value."""

    id: int
    area: float = field(init=False)


def test_a_row_whose_fields_cannot_be_read_is_taken_as_one_that_is_rejected(pushed):
    source, kept = pushed
    source.put(Unset(1))
    source.put([{"id": 2}, Unset(3)])
    assert [(one.rows.num_rows, len(one.unread)) for one in kept.all] == [
        (0, 1),
        (1, 1),
    ]


def test_no_rows_are_nothing_to_keep(pushed):
    source, kept = pushed
    source.put([])
    assert kept.batches == []


@pytest.mark.parametrize(
    "rows",
    [
        "homes.csv",
        b"homes.csv",
        ["homes.csv"],
        Path("homes.csv"),
        [Path("homes.csv")],
        StringIO("id\n1\n"),
        Named,
        5,
    ],
)
def test_what_is_no_row_is_no_file_either(pushed, rows):
    source, kept = pushed
    with pytest.raises(ConfigError, match="is not a row"):
        source.put(rows)
    assert kept.batches == []


def test_rows_that_found_no_room_in_time_are_told_from_those_that_did():
    source, kept = PushedSource(SourceOptions(chunk_rows=2)), Kept()
    source.attach(kept)

    def full(batch, *, timeout):
        if kept.all:
            raise TimeoutError
        kept.all.append(batch)

    kept.append = full
    with pytest.raises(TimeoutError, match="the first 2 rows were taken"):
        source.put([{"id": 1}, {"id": 2}, {"id": 3}], timeout=1.0)
    with pytest.raises(TimeoutError, match="nothing was taken"):
        source.put([{"id": 3}], timeout=1.0)
    # those that are put again have the numbers that they had
    del kept.append
    source.put([{"id": 3}])
    assert [one.first_row for one in kept.all] == [1, 3]


@pytest.mark.parametrize("timeout", [1e10, float("inf")])
def test_who_waits_for_ever_is_woken_where_there_is_room(
    tmp_path, monkeypatch, timeout
):
    source = PushedSource(SourceOptions())
    journal = Journal(tmp_path / "run-1", JournalOptions("off", 1), {})
    source.attach(journal)
    source.put({"id": 1})
    waits = recorded_waits(journal._changed, monkeypatch)
    waiting = threading.Thread(
        target=source.put, args=({"id": 2},), kwargs={"timeout": timeout}
    )
    waiting.start()
    assert waits.acquire(timeout=10)
    next(journal.follow())
    journal.note_committed(1)
    waiting.join(10)
    assert journal.rows == 2
    journal.close(loaded=True)


def test_rows_that_were_taken_before_the_run_failed_are_counted():
    source, kept = PushedSource(SourceOptions(chunk_rows=2)), Kept()
    source.attach(kept)

    def fail(batch, *, timeout):
        if kept.all:
            msg = "the load failed"
            raise QueueClosedError(msg)
        kept.all.append(batch)

    kept.append = fail
    with pytest.raises(QueueClosedError, match="the load failed") as failed:
        source.put([{"id": 1}, {"id": 2}, {"id": 3}])
    assert failed.value.taken == 2


def test_rows_that_a_disk_refused_are_told_from_those_that_it_took():
    source, kept = PushedSource(SourceOptions(chunk_rows=2)), Kept()
    source.attach(kept)

    def refuse(batch, *, timeout):
        if kept.all:
            msg = "no space"
            raise JournalError(msg)
        kept.all.append(batch)

    kept.append = refuse
    with pytest.raises(JournalError, match=r"no space\. The first 2 rows were taken"):
        source.put([{"id": 1}, {"id": 2}, {"id": 3}])
    with pytest.raises(JournalError, match=r"^no space$"):
        source.put([{"id": 3}])


def test_a_source_in_memory_has_all_columns_and_fails_when_it_is_told_to(pushed):
    source, kept = pushed
    rows = [{"id": 1}, {"id": 2, "price": 3}]
    with pytest.raises(SourceError, match="the line is cut"):
        source.put(MemorySource(rows, error=OSError("the line is cut")))
    assert kept.batches[0].to_pylist() == [{"id": 1, "price": None}, rows[1]]


@pytest.mark.parametrize("name", ["", "a\0b", "caf\udce9", 7])
def test_a_name_that_no_ledger_can_hold_is_refused_before_a_row_is_taken(name):
    # its journal could not be recovered, and would be in the way of later loads
    with pytest.raises(ConfigError, match=r"^name: "):
        read_name(name)
