"""Journals that ended runs left behind, and which of their rows are loaded."""

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


def test_row_numbers_origins_and_unread_rows_survive(make_journal, tmp_path):
    journal = make_journal()
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


def test_rows_known_to_be_committed_are_not_counted_as_left(make_journal, tmp_path):
    journal = make_journal()
    for start in range(0, 40, 10):
        journal.append(batch(start, 10))
    follower = journal.follow()
    assert ids([next(follower) for _ in range(3)]) == list(range(30))
    journal.note_committed(20)
    journal.close(loaded=False)
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert leftover.rows == 20
    # a recovery that ended early knows of more committed rows
    JournalSource(leftover.folder).note_committed(30)
    assert leftover.rows == 10
    # if it was killed before it noted them, all rows count
    (leftover.folder / "committed").write_text("")
    assert leftover.rows == 40
    JournalSource(leftover.folder).close(loaded=True)
    assert not leftover.folder.exists()


@pytest.mark.parametrize(("mode", "rows"), [("append", [20, 0]), ("replace", [40, 40])])
def test_all_rows_of_a_replace_are_left_until_it_takes_effect(
    make_journal, tmp_path, mode, rows
):
    journal = make_journal()
    journal.append(batch(0, 40))
    journal.note_committed(20)
    journal.close(loaded=False)
    about = {"table": "t", "settings": {"mode": mode}}
    (journal.folder / "about.json").write_text(json.dumps(about))
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert leftover.rows == rows[0]
    # all rows are committed, and the journal has deleted its last files
    JournalSource(leftover.folder).note_committed(40)
    for one in records.segments(leftover.folder):
        one.unlink()
    assert leftover.rows == rows[1]


def test_repr_of_a_leftover_shows_its_rows_or_its_bytes_if_large(
    make_journal, tmp_path, monkeypatch
):
    journal = make_journal()
    journal.append(batch(0, 1_200))
    journal.close(loaded=False)
    (leftover,) = find_leftovers(tmp_path / "journal")
    ending = "table='t', database='', source='')"
    assert repr(leftover) == f"Leftover(run_id='run-1', rows=1200, {ending}"
    # a large journal is not read for this
    monkeypatch.setattr(recovery, "SHOWN_BYTES", 100)
    monkeypatch.setattr(records, "survey", None)
    size = sum(one.stat().st_size for one in records.segments(journal.folder))
    assert repr(leftover) == f"Leftover(run_id='run-1', bytes={size}, {ending}"


def test_journals_are_found_without_reading_their_rows(
    make_journal, tmp_path, monkeypatch
):
    journal = make_journal()
    journal.append(batch(0, 10))
    journal.append(batch(10, 10))
    journal.close(loaded=False)
    decoded = []
    decode = records._decode
    monkeypatch.setattr(
        records,
        "_decode",
        lambda *arguments: (decoded.append(arguments), decode(*arguments))[1],
    )
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert (leftover.about, decoded) == ({"table": "t"}, [])
    # and they are counted by decoding only the last record
    assert (leftover.rows, len(decoded)) == (20, 1)


def test_journal_in_use_is_not_a_leftover(make_journal, tmp_path):
    journal = make_journal()
    journal.append(batch(0, 3))
    assert find_leftovers(tmp_path / "journal") == []


def test_recovery_starts_after_the_committed_rows(make_journal):
    journal = make_journal()
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


def test_looking_at_a_journal_does_not_prevent_its_recovery(make_journal, monkeypatch):
    journal = make_journal()
    journal.append(batch(0, 10))
    journal.close(loaded=False)
    look = os.open(journal.folder / "lock", os.O_RDONLY)
    fcntl.flock(look, fcntl.LOCK_SH)
    # others can look at the same time, and a recovery waits for the end of the look
    assert [one.rows for one in find_leftovers(journal.folder.parent)] == [10]
    monkeypatch.setattr(private_files.time, "sleep", lambda _: os.close(look))
    source = JournalSource(journal.folder)
    source.open()
    monkeypatch.undo()
    assert find_leftovers(journal.folder.parent) == []
    with pytest.raises(BlockingIOError):
        JournalSource(journal.folder).open()
    source.close(loaded=True)


def test_torn_journal_is_not_whole_even_if_it_was_noted_as_whole(
    make_journal, tmp_path
):
    journal = make_journal()
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
def test_damaged_file_before_others_is_an_error_not_a_torn_end(
    make_journal, monkeypatch, file
):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)
    journal = make_journal()
    for start in (0, 5, 10):
        journal.append(batch(start, 5))
    journal.close(loaded=False)
    damaged = records.segments(journal.folder)[file]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    source = JournalSource(journal.folder)
    batches = []
    with pytest.raises(JournalError, match=f"{damaged} is damaged, and rows follow"):
        batches.extend(source)
    assert ids(batches) == list(range(5 * file))
    # a killed process may leave its last file like this
    for one in records.segments(journal.folder)[file + 1 :]:
        one.unlink()
    assert ids(source) == list(range(5 * file))


@pytest.mark.parametrize("damaged_part", ["head", "length", "body"])
def test_damaged_record_before_others_is_an_error_not_a_torn_end(
    make_journal, damaged_part
):
    journal = make_journal()
    ends = []
    for start in (0, 5, 10):
        journal.append(batch(start, 5))
        ends.append(records.segments(journal.folder)[0].stat().st_size)
    journal.close(loaded=False)
    [file] = records.segments(journal.folder)
    content = bytearray(file.read_bytes())
    place = {"head": ends[0], "length": ends[0] + 6, "body": ends[1] - 9}[damaged_part]
    content[place] ^= 255
    file.write_bytes(content)
    source = JournalSource(journal.folder)
    batches = []
    with pytest.raises(JournalError, match=f"{file} is damaged, and rows follow"):
        batches.extend(source)
    assert ids(batches) == list(range(5))
    [leftover] = find_leftovers(journal.folder.parent)
    assert (leftover.rows, leftover.torn_bytes) == (5, 0)
    assert leftover.measure() == (5, ends[2] - ends[0])
    # a killed process leaves no whole record after a torn one
    file.write_bytes(content[: ends[2] - 1])
    assert ids(source) == list(range(5))
    assert leftover.torn_bytes == ends[2] - 1 - ends[0]
    assert leftover.measure() == (5, 0)


def test_journal_deleted_while_others_are_read_is_skipped(
    make_journal, tmp_path, monkeypatch
):
    journal = make_journal()
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
