"""A journal with a damaged file: what can be read is loaded, and nothing is deleted."""

import pytest

import propload
from propload.earlier_runs.leftover_journals import drop_leftover, leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import LoadError
from propload.journal import records, segments
from propload.sources import row_batches
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


@pytest.fixture
def damaged(database, monkeypatch):
    """Leave a journal of ten rows, the fourth of them damaged, and return it."""
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)
    monkeypatch.setattr(row_batches, "FLUSH_SECONDS", 0.0)
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    rows = ({"id": number, "extra": number} for number in range(10))
    with pytest.raises(LoadError, match="wait in the journal"):
        propload.ingest(rows, to=database, table="homes")
    run_sql(database, "ALTER TABLE homes ADD COLUMN extra bigint")
    [left] = leftovers()
    fourth = records.segments(left.folder)[3]
    fourth.write_bytes(fourth.read_bytes()[:-1] + b"?")
    return left


def test_rows_after_the_damage_are_kept_until_they_are_dropped(database, damaged):
    files = records.segments(damaged.folder)
    for _ in range(2):
        with pytest.raises(LoadError, match=f"{files[3]} is damaged") as caught:
            recover(to=database)
        drop = f"propload recover --drop {damaged.run_id}"
        assert drop in str(caught.value)
        assert sorted(read_table(database, "homes")["id"]) == [0, 1, 2]
        assert records.segments(damaged.folder) == files
    with pytest.raises(LoadError, match="has to be loaded first"):
        propload.ingest([{"id": 99}], to=database, table="homes")
    drop_leftover(damaged.run_id)
    propload.ingest([{"id": 99}], to=database, table="homes")
    assert not damaged.folder.exists()


def test_restored_file_is_recovered_to_its_end(database, damaged):
    fourth = records.segments(damaged.folder)[3]
    broken = fourth.read_bytes()
    with pytest.raises(LoadError):
        recover(to=database)
    fourth.write_bytes(broken[:-1] + b"\0")
    [report] = recover(to=database)
    assert report.status == "loaded"
    assert sorted(read_table(database, "homes")["id"]) == list(range(10))
