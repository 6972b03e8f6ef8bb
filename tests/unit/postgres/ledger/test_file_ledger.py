"""A ledger's file is whole, or is told to be damaged."""

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

#: Bytes of the next entry for which there is room.
ROOM = 60


class Session:
    """A session whose transaction has a number."""

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


def without_room(path):
    """Return what writes as a disk does that is full soon."""
    fsync = os.fsync
    room = path.stat().st_size + ROOM

    def full(descriptor):
        if os.fstat(descriptor).st_size <= room:
            return fsync(descriptor)
        os.truncate(path, room)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return full


@pytest.mark.parametrize("is_committed", [True, False])
def test_an_entry_without_room_takes_no_other_along(
    tmp_path, monkeypatch, is_committed
):
    session, ledger = Session(), FileLedger(tmp_path, run())
    ledger.record(session, piece(0), Counts())
    ledger.mark_committed(piece(0))
    before = ledger.path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", without_room(ledger.path))
        with pytest.raises(WriteError, match="Make room"):
            ledger.record(session, piece(1), Counts())
    assert ledger.path.read_bytes() == before
    ledger.record(session, piece(1, lane=1), Counts())
    if is_committed:
        ledger.mark_committed(piece(1, lane=1))
    again = FileLedger(tmp_path, run())
    assert list(again._committed_pieces()) == (
        [(0, 0), (1, 1)] if is_committed else [(0, 0)]
    )
    assert list(again._open) == ([] if is_committed else [(1, 1)])


def test_a_piece_whose_entry_is_lost_is_not_appended_again(tmp_path):
    ledger = FileLedger(tmp_path, run())
    with ledger.path.open("a") as file:
        file.write(json.dumps({"committed": [3, 0]}) + "\n")
    with pytest.raises(
        WriteError, match="is damaged: it is not known which rows batch 3 had"
    ):
        FileLedger(tmp_path, run())
    assert FileLedger(tmp_path, run("upsert"))._committed_pieces() == {}


def test_that_a_piece_is_committed_may_be_told_twice(tmp_path):
    ledger = FileLedger(tmp_path, run())
    ledger.record(Session(), piece(0), Counts())
    ledger.mark_committed(piece(0))
    with ledger.path.open("a") as file:
        file.write(json.dumps({"committed": [0, 0]}) + "\n")
    assert list(FileLedger(tmp_path, run())._committed_pieces()) == [(0, 0)]


class Refusing:
    """A session whose server refuses what it is asked."""

    def __init__(self, sqlstate):
        self.sqlstate, self.rolled_back = sqlstate, 0

    def value(self, _sql):
        raise ServerError("refused", sqlstate=self.sqlstate)

    def rollback(self):
        self.rolled_back += 1


def test_a_transaction_that_the_server_never_heard_of_was_not_committed():
    session = Refusing("22023")
    assert not was_committed(session, "4711")
    assert session.rolled_back == 1


@pytest.mark.parametrize("state", ["57014", "57P01", "08P01", "53200", None])
def test_a_server_that_does_not_answer_has_not_denied_a_commit(state):
    session = Refusing(state)
    with pytest.raises(ServerError):
        was_committed(session, "4711")
    assert session.rolled_back == 1
