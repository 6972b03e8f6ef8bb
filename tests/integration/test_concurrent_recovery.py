"""Two processes that look for the same journal: one of them finds it gone."""

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
def left(database):
    """Leave a journal whose rows fit the table by now. Value: it."""
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    with pytest.raises(LoadError, match="10 rows wait in the journal"):
        propload.ingest(iter(ROWS), to=database, table="homes")
    run_sql(database, "ALTER TABLE homes ADD COLUMN extra bigint")
    [one] = leftovers()
    return one


@pytest.fixture
def beaten(left, database, monkeypatch):
    """Let another process recover the journal as soon as it is found here."""

    looked = []

    def found(folder):
        looked.append(folder)
        if len(looked) == 1:
            # the other process looks, recovers it and is gone
            [report] = recover(to=database)
            assert report.counts.inserted == 10
            return [left]
        return find_leftovers(folder)

    for module in (recovering, looking):
        monkeypatch.setattr(module, "find_leftovers", found)
    return left


def test_a_load_goes_on_without_a_journal_that_is_recovered_meanwhile(database, beaten):
    propload.ingest([{"id": 99, "extra": 1}], to=database, table="homes")
    assert read_table(database, "homes").height == 11
    assert not beaten.folder.exists()


def test_a_recovery_leaves_it_to_the_other(database, beaten):
    assert recover(to=database) == []
    assert read_table(database, "homes").height == 10
    assert not beaten.folder.exists()


def test_by_its_name_it_is_recovered_no_second_time(database, beaten):
    assert recover(beaten.run_id, to=database) == []
    assert not beaten.folder.exists()


def test_what_is_to_be_dropped_is_said_to_be_gone(database, beaten):
    with pytest.raises(ConfigError, match="is left: another process"):
        drop_leftover(beaten.run_id, to=database)


def test_a_folder_that_is_being_removed_is_no_journal(database, left):
    recover(to=database)
    # its lock is made anew before the folder goes
    left.folder.mkdir()
    assert left.rows == 0
    with pytest.raises(JournalGoneError):
        open_leftover(left)
    assert not left.folder.exists()
