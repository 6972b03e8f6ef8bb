"""The file of a ledger is either whole or reported as damaged."""

import errno
import json
import os

import pytest

from propload.batch import Deduped, Piece
from propload.errors import WriteError
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.ledger.ledger_file import was_committed
from propload.postgres.ledger.run_record import RunRecord
from propload.postgres.session.driver_errors import ServerError
from propload.report import Counts

#: Bytes of the next entry that still fit on the disk.
ROOM = 60


class Session:
    """A session whose transactions have numbers."""

    token = "t"  # noqa: S105 - no secret

    def __init__(self):
        self._number = 100

    def value(self, _sql):
        self._number += 1
        return str(self._number)


def piece(batch, lane=0):
    return Piece(batch, lane, Deduped(()), batch * 10, batch * 10 + 10)


def run(mode="append"):
    return RunRecord("run", "a.csv", "public.t", mode)


def fsync_of_full_disk(path):
    """Return an `fsync` that fails as on a disk that fills up within the next entry."""
    fsync = os.fsync
    room = path.stat().st_size + ROOM

    def fail_when_full(descriptor):
        if os.fstat(descriptor).st_size <= room:
            return fsync(descriptor)
        os.truncate(path, room)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fail_when_full


@pytest.mark.parametrize("is_committed", [True, False])
def test_entry_that_finds_the_disk_full_damages_no_other(
    tmp_path, monkeypatch, is_committed
):
    session, ledger = Session(), FileLedger(tmp_path, run())
    ledger.record(session, piece(0), Counts())
    ledger.mark_committed(piece(0))
    before = ledger.path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync_of_full_disk(ledger.path))
        with pytest.raises(WriteError, match="Make room"):
            ledger.record(session, piece(1), Counts())
    assert ledger.path.read_bytes() == before
    ledger.record(session, piece(1, lane=1), Counts())
    if is_committed:
        ledger.mark_committed(piece(1, lane=1))
    reopened = FileLedger(tmp_path, run())
    assert list(reopened._committed_pieces()) == (
        [(0, 0), (1, 1)] if is_committed else [(0, 0)]
    )
    assert list(reopened._open) == ([] if is_committed else [(1, 1)])


def test_append_is_refused_if_the_entry_of_a_committed_piece_is_lost(tmp_path):
    ledger = FileLedger(tmp_path, run())
    with ledger.path.open("a") as file:
        file.write(json.dumps({"committed": [3, 0]}) + "\n")
    with pytest.raises(
        WriteError, match="is damaged: it is not known which rows batch 3 had"
    ):
        FileLedger(tmp_path, run())
    assert FileLedger(tmp_path, run("upsert"))._committed_pieces() == {}


def test_piece_may_be_marked_as_committed_twice(tmp_path):
    ledger = FileLedger(tmp_path, run())
    ledger.record(Session(), piece(0), Counts())
    ledger.mark_committed(piece(0))
    with ledger.path.open("a") as file:
        file.write(json.dumps({"committed": [0, 0]}) + "\n")
    assert list(FileLedger(tmp_path, run())._committed_pieces()) == [(0, 0)]


class Refusing:
    """A session whose server refuses every query."""

    def __init__(self, sqlstate):
        self.sqlstate, self.rolled_back = sqlstate, 0

    def value(self, _sql):
        raise ServerError("refused", sqlstate=self.sqlstate)

    def rollback(self):
        self.rolled_back += 1


def test_transaction_unknown_to_the_server_was_not_committed():
    session = Refusing("22023")
    assert not was_committed(session, "4711")
    assert session.rolled_back == 1


@pytest.mark.parametrize("state", ["57014", "57P01", "08P01", "53200", None])
def test_error_of_the_server_leaves_the_commit_undecided(state):
    session = Refusing(state)
    with pytest.raises(ServerError):
        was_committed(session, "4711")
    assert session.rolled_back == 1
