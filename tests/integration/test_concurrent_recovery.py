"""Two processes look for the same journal: one of them finds it gone."""

import pytest

import propload
from propload.earlier_runs import leftover_journals as looking
from propload.earlier_runs import recovering
from propload.earlier_runs.leftover_journals import (
    JournalGoneError,
    drop_leftover,
    leftovers,
    open_leftover,
)
from propload.earlier_runs.recovering import recover
from propload.errors import ConfigError, LoadError
from propload.journal import find_leftovers
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

ROWS = [{"id": number, "extra": number} for number in range(10)]


@pytest.fixture
def leftover(database):
    """Leave a journal whose rows fit the table by now, and return it."""
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    with pytest.raises(LoadError, match="10 rows wait in the journal"):
        propload.ingest(iter(ROWS), to=database, table="homes")
    run_sql(database, "ALTER TABLE homes ADD COLUMN extra bigint")
    [one] = leftovers()
    return one


@pytest.fixture
def recovered_elsewhere(leftover, database, monkeypatch):
    """Have another process recover the journal as soon as it is found here."""

    folders = []

    def find_and_lose(folder):
        folders.append(folder)
        if len(folders) == 1:
            # the other process finds it, recovers it and ends
            [report] = recover(to=database)
            assert report.counts.inserted == 10
            return [leftover]
        return find_leftovers(folder)

    for module in (recovering, looking):
        monkeypatch.setattr(module, "find_leftovers", find_and_lose)
    return leftover


def test_load_continues_if_a_journal_is_recovered_meanwhile(
    database, recovered_elsewhere
):
    propload.ingest([{"id": 99, "extra": 1}], to=database, table="homes")
    assert read_table(database, "homes").height == 11
    assert not recovered_elsewhere.folder.exists()


def test_recover_skips_a_journal_recovered_meanwhile(database, recovered_elsewhere):
    assert recover(to=database) == []
    assert read_table(database, "homes").height == 10
    assert not recovered_elsewhere.folder.exists()


def test_recover_by_name_skips_a_journal_recovered_meanwhile(
    database, recovered_elsewhere
):
    assert recover(recovered_elsewhere.run_id, to=database) == []
    assert not recovered_elsewhere.folder.exists()


def test_drop_fails_if_another_process_recovered_the_journal(
    database, recovered_elsewhere
):
    with pytest.raises(ConfigError, match="is left: another process"):
        drop_leftover(recovered_elsewhere.run_id, to=database)


def test_folder_being_removed_is_not_a_journal(database, leftover):
    recover(to=database)
    # its lock creates the folder once more while it is being removed
    leftover.folder.mkdir()
    assert leftover.rows == 0
    with pytest.raises(JournalGoneError):
        open_leftover(leftover)
    assert not leftover.folder.exists()
