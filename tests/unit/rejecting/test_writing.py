import datetime as dt
import math
import shutil
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from propload.errors import LockedError, WriteError
from propload.rejecting import RejectWriter, writing
from tests.unit.rejecting.rows import rejected_rows, rows_of


def test_row_is_kept_with_all_its_reasons(writer, store):
    assert writer.write(rejected_rows([3, 7])) == 2
    frame = rows_of(store)
    assert frame["propload_row"].to_list() == [4, 8]
    assert frame["propload_source"].to_list() == ["a.csv", "a.csv"]
    assert frame["price"].to_list() == ["p3", "p7"]
    reasons = frame["propload_reason_list"][0]
    assert [one["column"] for one in reasons] == ["price", "area"]
    counted = {(c.column, c.rows) for c in writer.counted}
    assert counted == {("price", 2), ("area", 2)}


def test_many_rows_are_written_in_parts_and_in_order(writer, store, monkeypatch):
    monkeypatch.setattr(writing, "BYTES_AT_ONCE", 100)
    heights = []
    write = pl.DataFrame.write_ndjson

    def recorded(lines, file):
        heights.append(lines.height)
        write(lines, file)

    monkeypatch.setattr(pl.DataFrame, "write_ndjson", recorded)
    rows = list(range(500))
    assert writer.write(rejected_rows(rows[::-1], batch=3, lane=1)) == 500
    assert sum(heights) == 500
    assert max(heights) < 10
    frame = rows_of(store)
    assert frame["propload_row"].to_list() == [row + 1 for row in rows]
    assert frame["price"].to_list() == [f"p{row}" for row in rows]
    assert frame["propload_time"].n_unique() == 1
    assert {len(each) for each in frame["propload_reason_list"]} == {2}


def test_no_part_is_left_if_the_disk_fills_up_midway(writer, store, monkeypatch):
    writer.write(rejected_rows([1], batch=0))
    kept = writer.path.read_bytes()
    monkeypatch.setattr(writing, "BYTES_AT_ONCE", 100)
    write = pl.DataFrame.write_ndjson
    taken = []

    def until_full(lines, file):
        if len(taken) == 2:
            raise OSError(28, "No space left on device")
        taken.append(lines.height)
        write(lines, file)

    monkeypatch.setattr(pl.DataFrame, "write_ndjson", until_full)
    with pytest.raises(WriteError, match="No space left"):
        writer.write(rejected_rows(range(2, 102), batch=1))
    assert sum(taken) > 0
    assert writer.path.read_bytes() == kept
    assert [one.rows for one in writer.counted] == [1, 1]


def test_no_file_is_created_without_rejected_rows(writer, store):
    assert writer.write(rejected_rows([])) == 0
    assert not writer.path.exists()
    assert store.runs() == []


def test_continued_writer_counts_earlier_rejects(writer, store):
    writer.write(rejected_rows([1, 2], batch=0, lane=None))
    writer.write(rejected_rows([3], batch=1, lane=0))
    before = writer.counted
    writer.close()
    again = RejectWriter(writer.path, "20260101-ab")
    again.adopt_earlier_rows(lambda _: True)
    assert set(again.counted) == set(before)
    again.write(rejected_rows([4], batch=2, lane=0))
    assert [one.rows for one in again.counted] == [4, 4]
    again.close()


def test_continued_writer_locks_and_keeps_earlier_rejects(writer, store):
    writer.write(rejected_rows([1, 2], batch=0))
    writer.write(rejected_rows([3], batch=1))
    writer.close()
    again = RejectWriter(writer.path, "20260101-ab")
    assert again.adopt_earlier_rows(lambda line: line["batch"] == 0) == 2
    assert [one.rows for one in again.counted] == [2, 2]
    # it has rejected none itself yet
    with pytest.raises(LockedError, match="still running"):
        store.drop("20260101-ab")
    other = RejectWriter(writer.path, "20260101-ab")
    with pytest.raises(LockedError, match="still running"):
        other.adopt_earlier_rows(lambda _: True)
    again.close()
    assert rows_of(store)["propload_row"].to_list() == [2, 3]
    assert again.adopt_earlier_rows(lambda _: False) == 0
    assert again.adopt_earlier_rows(lambda _: True) == 0
    again.close()
    assert not list(writer.path.parent.iterdir())


@pytest.mark.parametrize("step", ["write", "retract", "close"])
@pytest.mark.parametrize("removed", ["file", "folder"])
def test_file_deleted_during_a_run_is_restored(writer, store, caplog, step, removed):
    writer.write(rejected_rows([1, 2], batch=0, lane=0))
    writer.write(rejected_rows([3], batch=1, lane=1))
    if removed == "file":
        writer.path.unlink()
    else:
        shutil.rmtree(writer.path.parent)
    if step == "write":
        writer.write(rejected_rows([4], batch=2, lane=None))
        with pytest.raises(LockedError, match="still running"):
            store.drop("20260101-ab")
    if step == "retract":
        writer.retract(1, 1)
    writer.close()
    kept = {"write": [2, 3, 4, 5], "retract": [2, 3], "close": [2, 3, 4]}[step]
    assert rows_of(store)["propload_row"].to_list() == kept
    assert f"{writer.path} was removed" in caplog.text
    # no lock is left
    store.drop("20260101-ab")


def test_file_put_in_place_of_a_deleted_one_is_appended_to(writer, store):
    writer.write(rejected_rows([1, 2], batch=0, lane=None))
    text = writer.path.read_bytes()
    writer.path.unlink()
    writer.path.write_bytes(text.splitlines(keepends=True)[0])
    writer.write(rejected_rows([4], batch=1, lane=None))
    writer.close()
    assert rows_of(store)["propload_row"].to_list() == [2, 5]


def test_file_that_cannot_be_restored_is_reported(writer, caplog):
    writer.write(rejected_rows([1], batch=0, lane=None))
    shutil.rmtree(writer.path.parent)
    writer.path.parent.write_text("in its place")
    with pytest.raises(WriteError, match=str(writer.path)):
        writer.write(rejected_rows([2], batch=1, lane=None))
    writer.close()
    assert f"{writer.path} is gone" in caplog.text


def test_files_are_private(writer):
    writer.write(rejected_rows([1]))
    assert writer.path.stat().st_mode & 0o777 == 0o600
    assert writer.path.parent.stat().st_mode & 0o777 == 0o700


def test_values_that_json_lacks_are_stored_as_text(writer, store):
    values = {
        "real": [math.nan, math.inf],
        "money": [Decimal("1.10"), None],
        "day": [dt.date(2024, 2, 29), dt.date(1, 1, 1)],
        "at": [dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC), None],
        "raw": [b"\x00\xff", b""],
        "big": [2**63 - 1, -(2**63)],
        "text": ['quote " and \n', "\u20ac \U0001f3e0"],
        "inside": [{"a": [1, 2]}, {"a": []}],
        "bytes inside": [[b"\x01"], None],
        "no number inside": [{"a": [math.nan]}, {"a": [1.5]}],
        "money inside": [{"a": Decimal("1.10")}, None],
        "time inside": [{"a": dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)}, None],
    }
    writer.write(rejected_rows([0, 1], values=values))
    first, second = rows_of(store).to_dicts()
    assert first["real"] == "NaN"
    assert second["real"] == "inf"
    assert first["money"] == "1.10"
    assert first["day"] == "2024-02-29"
    assert first["raw"] == "\\x00ff"
    assert (first["big"], second["big"]) == (2**63 - 1, -(2**63))
    assert (first["text"], second["text"]) == tuple(values["text"])
    assert first["inside"] == {"a": [1, 2]}
    assert first["at"].startswith("2024-01-01")
    assert (first["bytes inside"], second["bytes inside"]) == ('["\\\\x01"]', None)
    assert first["no number inside"] == '{"a": [NaN]}'
    assert second["no number inside"] == '{"a": [1.5]}'
    # as they would have been stored, because they are replayed from here
    assert (first["money inside"], second["money inside"]) == ('{"a": 1.10}', None)
    assert first["time inside"] == '{"a": "2024-01-01T12:00:00+00:00"}'


def test_full_disk_leaves_no_partial_line(writer, store, monkeypatch):
    writer.write(rejected_rows([1]))
    whole = writer.path.read_bytes()

    def refuse(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(writing.os, "fsync", refuse)
        with pytest.raises(WriteError, match="No space left") as caught:
            writer.write(rejected_rows([2]))
    assert isinstance(caught.value.__cause__, OSError)
    assert writer.path.read_bytes() == whole
    writer.write(rejected_rows([3]))
    assert rows_of(store)["propload_row"].to_list() == [2, 4]


def test_rows_stay_counted_if_retracting_them_fails(writer, store, monkeypatch):
    writer.write(replace(rejected_rows([1, 2]), lane=0))

    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("propload.rejecting.store.open_private", refuse)
        with pytest.raises(WriteError, match="No space left"):
            writer.retract(rejected_rows([1]).batch, 0)
    assert sum(one.rows for one in writer.counted if one.column == "price") == 2
    assert rows_of(store).height == 2


def test_rows_that_were_not_written_can_be_retracted(writer, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(writing.os, "fsync", refuse)
        with pytest.raises(WriteError, match="No space left"):
            writer.write(replace(rejected_rows([1, 2]), lane=0))
    writer.retract(rejected_rows([1]).batch, 0)
    assert writer.counted == ()
