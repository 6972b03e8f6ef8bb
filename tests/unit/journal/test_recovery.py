"""Journals that were left, and what is loaded of them."""

import fcntl
import json
import os

import pytest

from propload import private_files
from propload.batch import Unread
from propload.errors import JournalError
from propload.journal import (
    JournalSource,
    find_leftovers,
    records,
    recovery,
    segments,
)
from propload.prepare.joining import skip_rows
from tests.unit.journal.batches import batch, ids

pytestmark = pytest.mark.timeout(20)


def test_row_numbers_origins_and_unread_rows_survive(make, tmp_path):
    journal = make()
    unread = (Unread(2, "garbage", "json", "not JSON"),)
    journal.append(batch(0, 3, row_numbers=(1, 3, 4), unread=unread, untyped=True))
    journal.append(batch(10, 1))
    journal.close(loaded=False)
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert (leftover.run_id, leftover.rows, leftover.torn_bytes) == ("run-1", 5, 0)
    assert leftover.about == {"table": "t"}
    first, second = JournalSource(leftover.folder)
    assert (first.source, first.first_row, first.row_numbers) == (
        "spider",
        1,
        (1, 3, 4),
    )
    assert first.unread == unread
    assert first.untyped
    assert second.first_row == 11


def test_what_is_left_is_counted_without_the_rows_known_to_be_committed(make, tmp_path):
    journal = make()
    for start in range(0, 40, 10):
        journal.append(batch(start, 10))
    follower = journal.follow()
    assert ids([next(follower) for _ in range(3)]) == list(range(30))
    journal.note_committed(20)
    journal.close(loaded=False)
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert leftover.rows == 20
    # a recovery that ends early knows more
    JournalSource(leftover.folder).note_committed(30)
    assert leftover.rows == 10
    # one that was killed before it came to note that is careful
    (leftover.folder / "committed").write_text("")
    assert leftover.rows == 40
    JournalSource(leftover.folder).close(loaded=True)
    assert not leftover.folder.exists()


@pytest.mark.parametrize(("mode", "rows"), [("append", [20, 0]), ("replace", [40, 40])])
def test_of_a_replace_the_rows_that_are_gathered_are_left_as_well(
    make, tmp_path, mode, rows
):
    journal = make()
    journal.append(batch(0, 40))
    journal.note_committed(20)
    journal.close(loaded=False)
    about = {"table": "t", "settings": {"mode": mode}}
    (journal.folder / "about.json").write_text(json.dumps(about))
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert leftover.rows == rows[0]
    # all are committed, and the journal has let go of the last ones
    JournalSource(leftover.folder).note_committed(40)
    for one in records.segments(leftover.folder):
        one.unlink()
    assert leftover.rows == rows[1]


def test_a_leftover_shows_how_many_rows_it_holds(make, tmp_path, monkeypatch):
    journal = make()
    journal.append(batch(0, 1_200))
    journal.close(loaded=False)
    (leftover,) = find_leftovers(tmp_path / "journal")
    told = "table='t', database='', source='')"
    assert repr(leftover) == f"Leftover(run_id='run-1', rows=1200, {told}"
    # a large one is not read through for it
    monkeypatch.setattr(recovery, "SHOWN_BYTES", 100)
    monkeypatch.setattr(records, "survey", None)
    size = sum(one.stat().st_size for one in records.segments(journal.folder))
    assert repr(leftover) == f"Leftover(run_id='run-1', bytes={size}, {told}"


def test_journals_are_found_without_reading_their_rows(make, tmp_path, monkeypatch):
    journal = make()
    journal.append(batch(0, 10))
    journal.append(batch(10, 10))
    journal.close(loaded=False)
    decoded = []
    decode = records._decode
    monkeypatch.setattr(
        records, "_decode", lambda *told: (decoded.append(told), decode(*told))[1]
    )
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert (leftover.about, decoded) == ({"table": "t"}, [])
    # and counted by reading the last ones
    assert (leftover.rows, len(decoded)) == (20, 1)


def test_a_running_journal_is_no_leftover(make, tmp_path):
    journal = make()
    journal.append(batch(0, 3))
    assert find_leftovers(tmp_path / "journal") == []


def test_recovery_starts_after_the_committed_rows(make):
    journal = make()
    journal.append(batch(0, 10))
    journal.append(batch(10, 10))
    journal.close(loaded=False)
    source = JournalSource(journal.folder)
    assert source.first_row == 0
    for done in (0, 10, 13, 20):
        assert ids(skip_rows(source, done)) == list(range(done, 20))
    source.open()
    source.close(loaded=True)
    assert not journal.folder.exists()


def test_a_look_at_a_journal_keeps_nobody_from_recovering_it(make, monkeypatch):
    journal = make()
    journal.append(batch(0, 10))
    journal.close(loaded=False)
    look = os.open(journal.folder / "lock", os.O_RDONLY)
    fcntl.flock(look, fcntl.LOCK_SH)
    # others look at the same time, and whoever recovers it waits for the look's end
    assert [one.rows for one in find_leftovers(journal.folder.parent)] == [10]
    monkeypatch.setattr(private_files.time, "sleep", lambda _: os.close(look))
    source = JournalSource(journal.folder)
    source.open()
    monkeypatch.undo()
    assert find_leftovers(journal.folder.parent) == []
    with pytest.raises(BlockingIOError):
        JournalSource(journal.folder).open()
    source.close(loaded=True)


def test_a_torn_journal_is_not_whole_whatever_it_says(make, tmp_path):
    journal = make()
    journal.append(batch(0, 5))
    journal.append(batch(5, 5))
    journal.note_whole()
    journal.close(loaded=False)
    [whole] = find_leftovers(tmp_path / "journal")
    assert whole.whole
    [segment] = records.segments(journal.folder)
    segment.write_bytes(segment.read_bytes()[:-1])
    [torn] = find_leftovers(tmp_path / "journal")
    assert (torn.whole, torn.rows) == (False, 5)


@pytest.mark.parametrize("file", [0, 1])
def test_a_damaged_file_that_others_follow_is_no_torn_end(make, monkeypatch, file):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)
    journal = make()
    for start in (0, 5, 10):
        journal.append(batch(start, 5))
    journal.close(loaded=False)
    damaged = records.segments(journal.folder)[file]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    source = JournalSource(journal.folder)
    read = []
    with pytest.raises(JournalError, match=f"{damaged} is damaged, and rows follow"):
        read.extend(source)
    assert ids(read) == list(range(5 * file))
    # a process that is killed may leave the last one so
    for one in records.segments(journal.folder)[file + 1 :]:
        one.unlink()
    assert ids(source) == list(range(5 * file))


@pytest.mark.parametrize("spoilt", ["head", "length", "body"])
def test_a_damaged_record_that_others_follow_is_no_torn_end(make, spoilt):
    journal = make()
    ends = []
    for start in (0, 5, 10):
        journal.append(batch(start, 5))
        ends.append(records.segments(journal.folder)[0].stat().st_size)
    journal.close(loaded=False)
    [file] = records.segments(journal.folder)
    content = bytearray(file.read_bytes())
    place = {"head": ends[0], "length": ends[0] + 6, "body": ends[1] - 9}[spoilt]
    content[place] ^= 255
    file.write_bytes(content)
    source = JournalSource(journal.folder)
    read = []
    with pytest.raises(JournalError, match=f"{file} is damaged, and rows follow"):
        read.extend(source)
    assert ids(read) == list(range(5))
    [leftover] = find_leftovers(journal.folder.parent)
    assert (leftover.rows, leftover.torn_bytes) == (5, 0)
    assert leftover.measure() == (5, ends[2] - ends[0])
    # a killed process leaves no whole record behind one that is not
    file.write_bytes(content[: ends[2] - 1])
    assert ids(source) == list(range(5))
    assert leftover.torn_bytes == ends[2] - 1 - ends[0]
    assert leftover.measure() == (5, 0)


def test_a_journal_that_goes_while_others_are_read_is_passed_over(
    make, tmp_path, monkeypatch
):
    journal = make()
    journal.append(batch(0, 5))
    journal.close(loaded=False)
    gone = tmp_path / "journal" / "gone"
    gone.mkdir()
    (gone / "about.json").write_text("{}")
    is_in_use = recovery.is_in_use

    def look_late(folder):
        if folder == gone:
            (gone / "about.json").unlink()
            gone.rmdir()
        return is_in_use(folder)

    monkeypatch.setattr(recovery, "is_in_use", look_late)
    assert [one.folder for one in find_leftovers(gone.parent)] == [journal.folder]
    assert not gone.exists()
