"""When COPY may go straight into the table."""

from __future__ import annotations

from propload.postgres.writing.fast_path import MOST_PATIENCE, FastPath


def _pieces_until_fast(fast_path):
    waited = 0
    while not fast_path.fast:
        fast_path.note_staged(10, new=10)
        waited += 1
    return waited


def test_each_stored_key_doubles_the_new_pieces_to_wait_for():
    fast_path = FastPath(fast=True)
    waited = []
    for _ in range(8):
        fast_path.note_stored_key()
        assert not fast_path.fast
        waited.append(_pieces_until_fast(fast_path))
    assert waited == [2, 4, 8, 16, 32, 64, 64, 64]
    assert max(waited) == MOST_PATIENCE


def test_piece_with_a_stored_key_restarts_the_count():
    fast_path = FastPath(fast=True)
    fast_path.note_stored_key()
    fast_path.note_staged(10, new=10)
    fast_path.note_staged(10, new=9)
    fast_path.note_staged(10, new=10)
    assert not fast_path.fast
    fast_path.note_staged(10, new=10)
    assert fast_path.fast


def test_table_with_rows_is_staged_until_a_piece_is_all_new():
    fast_path = FastPath(fast=False)
    fast_path.note_staged(10, new=9)
    assert not fast_path.fast
    assert _pieces_until_fast(fast_path) == 1


def test_empty_piece_does_not_count():
    fast_path = FastPath(fast=True)
    fast_path.note_stored_key()
    fast_path.note_staged(10, new=10)
    fast_path.note_staged(0, new=0)
    assert not fast_path.fast
    fast_path.note_staged(10, new=10)
    assert fast_path.fast
