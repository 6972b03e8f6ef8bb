"""What `newest` compares: moments and numbers, or else text, which is reported."""

import datetime as dt
import json

import pytest

import propload
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

LOAD = {"table": "x", "key": "id", "newest": "seen", "progress": False}
OLD = {"id": 1, "seen": "2024-07-01T12:00:00+02:00", "v": "old"}
NEW = {"id": 1, "seen": "2024-07-01T11:00:00Z", "v": "new"}


def load(database, rows, **settings):
    return propload.ingest(rows, to=database, **LOAD, **settings)


@pytest.mark.parametrize("rows", [[OLD, NEW], [NEW, OLD]])
def test_timestamps_in_dicts_are_compared_as_moments(database, state_dir, rows):
    report = load(database, rows)
    stored = read_table(database, "x")
    assert stored["v"].to_list() == ["new"]
    assert stored["seen"].to_list() == [dt.datetime(2024, 7, 1, 11, tzinfo=dt.UTC)]
    assert not [note for note in report.notes if "newest" in note]


def test_timestamps_in_ndjson_are_compared_as_moments(database, state_dir, tmp_path):
    path = tmp_path / "rows.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in (OLD, NEW)))
    load(database, path)
    assert read_table(database, "x")["v"].to_list() == ["new"]


def test_numbers_mixed_with_a_text_are_compared_as_numbers(database, state_dir):
    rows = [{"id": 1, "seen": seen} for seen in (9, 10, "5")]
    load(database, rows)
    assert read_table(database, "x")["seen"].to_list() == [10]


def test_later_value_of_another_type_is_rejected_as_given(database, state_dir):
    rows = [{**NEW, "id": 1}, {**NEW, "id": 2}, {**NEW, "id": 3, "seen": "soon"}]
    report = load(database, rows, batch_rows=2, workers=1)
    assert report.counts.inserted == 2
    assert report.rejects["seen"].to_list() == ["soon"]


AWARE = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
NAIVE = AWARE.replace(tzinfo=None)


@pytest.mark.parametrize("seen", [("9", "10 days"), (NAIVE, AWARE)])
def test_report_and_check_say_that_text_is_compared(database, state_dir, seen):
    rows = [{"id": 1, "seen": one} for one in seen]
    checked = propload.check(rows, to=database, **LOAD)
    first = load(database, rows)
    again = load(database, rows)
    for notes in (checked.notes, first.notes, again.notes):
        (note,) = [one for one in notes if "letter by letter" in one]
        assert "column seen of public.x" in note
    assert "create the table beforehand" in "".join(first.notes)
    assert "change the column's type" in "".join(again.notes)


def test_mapping_to_text_is_followed_and_reported(database, state_dir):
    report = load(
        database, [OLD, NEW], mapping={name: name for name in ("id", "seen", "v")}
    )
    assert read_table(database, "x")["v"].to_list() == ["old"]
    assert "letter by letter" in "".join(report.notes)


def test_no_note_if_the_table_compares_moments(database, state_dir):
    run_sql(database, "CREATE TABLE x (id int PRIMARY KEY, seen timestamptz, v text)")
    report = load(database, [OLD, NEW])
    assert read_table(database, "x")["v"].to_list() == ["new"]
    assert "letter by letter" not in "".join(report.notes)
