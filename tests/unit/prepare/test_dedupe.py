"""Dedupe: which row of a key is kept, and which go to the server in turn."""

from __future__ import annotations

import pytest

from propload.batch import ROW, Deduped
from propload.errors import SchemaMismatchError
from propload.prepare.dedupe import check_keys, dedupe
from tests.unit.prepare.versions import KEY, content, frame_of


def test_on_null_keep_takes_each_value_from_the_newest_row_that_has_it():
    rows = [
        {"site": "a", "id": 1, "seen": 2, "price": None, "note": "new"},
        {"site": "a", "id": 1, "seen": 1, "price": 5, "note": "old"},
        {"site": "a", "id": 1, "seen": None, "price": 9, "note": "oldest"},
    ]
    deduped = dedupe(frame_of(rows), key=KEY, newest="seen", on_null="keep")
    assert content(deduped.layers[0]) == [("a", 1, 2, 5, "new")]
    assert deduped.duplicates == 2


def test_every_row_is_kept_without_a_key():
    frame = frame_of([{"site": "a", "id": 1}] * 3)
    assert dedupe(frame, key=()) == Deduped((frame,))


def test_constant_key_columns_do_not_change_the_result():
    rows = [{"site": "a", "id": 1, "seen": 1, "price": n} for n in range(3)]
    deduped = dedupe(frame_of(rows), key=("site", "id", "seen"))
    assert deduped.layers[0]["price"].to_list() == [2]
    assert deduped.duplicates == 2


def test_last_row_of_the_source_is_kept_whatever_the_order_in_the_frame():
    frame = frame_of([{"site": "a", "id": 1, "price": n} for n in range(3)])
    deduped = dedupe(frame.reverse(), key=KEY)
    assert deduped.layers[0]["price"].to_list() == [2]


def test_null_keys_are_rejected_with_each_column():
    rows = [{"site": "a", "id": 1}, {"site": None, "id": None}, {"site": "a"}]
    frame, reasons = check_keys(frame_of(rows), KEY)
    assert frame[ROW].to_list() == [0]
    reported = (
        reasons.select(ROW, "stage", "column", "check").sort(ROW, "column").rows()
    )
    assert reported == [
        (1, "check", "id", "key"),
        (1, "check", "site", "key"),
        (2, "check", "id", "key"),
    ]


def test_error_names_the_missing_key_column():
    with pytest.raises(
        SchemaMismatchError, match=r"key column url is not among .*site"
    ):
        check_keys(frame_of([]), ("url", "id"))
