"""Rows that a program pushes, and the batches of them that reach the journal."""

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


class MemoryJournal:
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
def source_and_journal():
    source = PushedSource(SourceOptions())
    journal = MemoryJournal()
    source.attach(journal)
    return source, journal


def test_null_has_the_type_that_its_column_had_before(source_and_journal):
    source, journal = source_and_journal
    for area in (10.5, None, 7.0):
        source.put({"id": 1, "area": area})
    assert len({str(rows.schema) for rows in journal.batches}) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"id": 1}, "a dict is not a batch: pass a propload.Batch"),
        (Batch(pa.record_batch({"id": [1]}).select([]), "x", 1), "1 row has no col"),
    ],
)
def test_try_put_refuses_all_but_batches_with_columns(
    source_and_journal, value, message
):
    source, journal = source_and_journal
    with pytest.raises(ConfigError, match=message):
        source.try_put(value)
    assert journal.all == []


def test_row_does_not_inherit_columns_of_earlier_rows(source_and_journal):
    source, journal = source_and_journal
    source.put({"id": 1, "title": "x"})
    source.put({"id": 1, "price": 5})
    assert [rows.schema.names for rows in journal.batches] == [
        ["id", "title"],
        ["id", "price"],
    ]


def test_row_numbers_continue_from_put_to_put(source_and_journal):
    source, journal = source_and_journal
    source.put([{"id": 1}, {}, {"id": 3}])
    source.put([{}])
    source.put(pl.DataFrame({"id": [5, 6]}))
    source.put(iter([{"id": 7}, {}, {"id": 9}]))
    source.put([])
    source.put({"id": 10})
    found = []
    for batch in journal.all:
        numbers = batch.row_numbers or range(
            batch.first_row, batch.first_row + batch.rows.num_rows
        )
        if batch.rows.num_rows:
            found += zip(numbers, batch.rows.column("id").to_pylist(), strict=True)
        found += [(fault.row, None) for fault in batch.unread]
    assert sorted(found, key=lambda each: each[0]) == [
        (number, None if number in {2, 4, 8} else number) for number in range(1, 11)
    ]


def test_rows_come_from_the_loader_as_it_is_named():
    source, journal = PushedSource(SourceOptions(), "shop"), MemoryJournal()
    source.attach(journal)
    rows = [{"id": 1}]
    for pushed in (rows[0], rows, [5], iter(rows), deque(rows), pl.DataFrame(rows)):
        source.put(pushed)
    assert {batch.source for batch in journal.all} == {"shop"}
    # a batch that a program made says where its rows are from
    source.put([Batch(pa.record_batch({"id": [1]}), "page 7", 1)])
    assert journal.all[-1].source == "page 7"


def test_rows_without_columns_are_refused_and_not_journaled(source_and_journal):
    source, journal = source_and_journal
    with pytest.raises(ConfigError, match="2 rows have no columns"):
        source.put(pa.table({"id": [1, 2]}).select([]))
    assert journal.batches == []


def test_rows_put_by_several_threads_have_distinct_numbers(source_and_journal):
    source, journal = source_and_journal
    threads = [
        threading.Thread(target=lambda: [source.put({"id": n}) for n in range(50)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(batch.first_row for batch in journal.all) == list(range(1, 201))


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
def test_rows_of_many_types_are_accepted(source_and_journal, rows):
    source, journal = source_and_journal
    source.put(rows)
    assert [one.to_pylist() for one in journal.batches] == [[{"id": 1}]]


@dataclass
class Unset:
    """A row with a field that was never given a value."""

    id: int
    area: float = field(init=False)


def test_row_with_an_unreadable_field_is_kept_as_unread(source_and_journal):
    source, journal = source_and_journal
    source.put(Unset(1))
    source.put([{"id": 2}, Unset(3)])
    assert [(one.rows.num_rows, len(one.unread)) for one in journal.all] == [
        (0, 1),
        (1, 1),
    ]


def test_putting_no_rows_journals_nothing(source_and_journal):
    source, journal = source_and_journal
    source.put([])
    assert journal.batches == []


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
def test_paths_and_other_values_that_are_no_rows_are_refused(source_and_journal, rows):
    source, journal = source_and_journal
    with pytest.raises(ConfigError, match="is not a row"):
        source.put(rows)
    assert journal.batches == []


async def fetched():
    return {"id": 1}


async def streamed():
    yield {"id": 1}


def test_asynchronous_rows_are_refused_with_the_way_to_push_them(source_and_journal):
    source, journal = source_and_journal
    coroutine = fetched()
    with pytest.raises(ConfigError, match="a coroutine is not a row: await it, and"):
        source.put(coroutine)
    coroutine.close()
    with pytest.raises(ConfigError, match="is not a row: put what it yields, in an as"):
        source.put(streamed())
    assert journal.batches == []


def test_timeout_of_a_put_reports_how_many_rows_were_taken():
    source, journal = PushedSource(SourceOptions(chunk_rows=2)), MemoryJournal()
    source.attach(journal)

    def full(batch, *, timeout):
        if journal.all:
            raise TimeoutError
        journal.all.append(batch)

    journal.append = full
    with pytest.raises(TimeoutError, match="the first 2 rows were taken"):
        source.put([{"id": 1}, {"id": 2}, {"id": 3}], timeout=1.0)
    with pytest.raises(TimeoutError, match="nothing was taken"):
        source.put([{"id": 3}], timeout=1.0)
    # rows that are put again have the same numbers
    del journal.append
    source.put([{"id": 3}])
    assert [one.first_row for one in journal.all] == [1, 3]


@pytest.mark.parametrize("timeout", [1e10, float("inf")])
def test_put_that_may_wait_forever_is_woken_when_there_is_room(
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


def test_put_into_a_failing_run_counts_the_rows_it_took():
    source, journal = PushedSource(SourceOptions(chunk_rows=2)), MemoryJournal()
    source.attach(journal)

    def fail(batch, *, timeout):
        if journal.all:
            msg = "the load failed"
            raise QueueClosedError(msg)
        journal.all.append(batch)

    journal.append = fail
    with pytest.raises(QueueClosedError, match="the load failed") as failed:
        source.put([{"id": 1}, {"id": 2}, {"id": 3}])
    assert failed.value.taken == 2


def test_journal_error_of_a_put_reports_how_many_rows_were_taken():
    source, journal = PushedSource(SourceOptions(chunk_rows=2)), MemoryJournal()
    source.attach(journal)

    def refuse(batch, *, timeout):
        if journal.all:
            msg = "no space"
            raise JournalError(msg)
        journal.all.append(batch)

    journal.append = refuse
    with pytest.raises(JournalError, match=r"no space\. The first 2 rows were taken"):
        source.put([{"id": 1}, {"id": 2}, {"id": 3}])
    with pytest.raises(JournalError, match=r"^no space$"):
        source.put([{"id": 3}])


def test_memory_source_gives_all_rows_all_columns_then_its_error(source_and_journal):
    source, journal = source_and_journal
    rows = [{"id": 1}, {"id": 2, "price": 3}]
    with pytest.raises(SourceError, match="the line is cut"):
        source.put(MemorySource(rows, error=OSError("the line is cut")))
    assert journal.batches[0].to_pylist() == [{"id": 1, "price": None}, rows[1]]


@pytest.mark.parametrize("name", ["", "a\0b", "caf\udce9", 7])
def test_name_that_no_ledger_can_hold_is_refused(name):
    # its journal could not be recovered, and would block later loads
    with pytest.raises(ConfigError, match=r"^name: "):
        read_name(name)
