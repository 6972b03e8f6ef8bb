"""When COPY may go straight into the table."""

from __future__ import annotations

from propload.postgres.writing.pace import MOST_PATIENCE, Pace


def _pieces_until_fast(pace):
    waited = 0
    while not pace.fast:
        pace.staged(10, new=10)
        waited += 1
    return waited


def test_each_stored_key_doubles_the_new_pieces_that_are_waited_for():
    pace = Pace(fast=True)
    waited = []
    for _ in range(8):
        pace.met_stored_key()
        assert not pace.fast
        waited.append(_pieces_until_fast(pace))
    assert waited == [2, 4, 8, 16, 32, 64, 64, 64]
    assert max(waited) == MOST_PATIENCE


def test_a_piece_with_a_stored_key_begins_the_count_anew():
    pace = Pace(fast=True)
    pace.met_stored_key()
    pace.staged(10, new=10)
    pace.staged(10, new=9)
    pace.staged(10, new=10)
    assert not pace.fast
    pace.staged(10, new=10)
    assert pace.fast


def test_a_table_that_held_rows_is_staged_until_a_piece_is_new():
    pace = Pace(fast=False)
    pace.staged(10, new=9)
    assert not pace.fast
    assert _pieces_until_fast(pace) == 1


def test_a_piece_without_a_row_tells_nothing_of_keys():
    pace = Pace(fast=True)
    pace.met_stored_key()
    pace.staged(10, new=10)
    pace.staged(0, new=0)
    assert not pace.fast
    pace.staged(10, new=10)
    assert pace.fast
