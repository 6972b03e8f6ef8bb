"""A journal removes rows that the ledger has settled, even if none was stored."""

from contextlib import suppress

import polars as pl
import pytest

import propload
from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import ConfigError, LoadError
from propload.journal import JournalSource, segments
from tests.integration.partial_runs import guard, ids_by_lane, open_guard
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

#: Values of a source that are no rows: they do not show which columns a table has.
NO_ROWS = [0, 1, 2, 3]


@pytest.fixture(autouse=True)
def short_files(monkeypatch):
    """Make each record of a journal a file, which is removed once it is committed."""
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)


@pytest.fixture
def push(database):
    def push(rows, **settings):
        """Push rows in pairs into a run that fails, and return its journal."""
        arguments = {"key": "id", "workers": 2, "batch_rows": 2, "progress": False}
        loader = propload.Loader(
            to=database, table="homes", **{**arguments, **settings}
        )
        with suppress(LoadError):
            for first in range(0, len(rows), 2):
                loader.put(rows[first : first + 2])
        with pytest.raises(LoadError):
            loader.close()
        [left] = leftovers()
        return left

    return push


def ids(count):
    """Return ids that go to the lanes in turn."""
    return [one for pair in zip(*ids_by_lane(), strict=False) for one in pair][:count]


def stored(database):
    return read_table(database, "homes")["id"].sort().to_list()


def rejected_values(state_dir, run):
    """Return the values that a run rejected as being no rows."""
    reason_lists = propload.rejects(run, state_dir=state_dir)[
        "propload_reason_list"
    ].to_list()
    return [int(reason["value"]) for reasons in reason_lists for reason in reasons]


@pytest.fixture
def leave_journal(database, push):
    """Return a function that leaves a journal without its first six rows.

    Four of these were no rows, and two are stored. Of the next batch one lane has
    committed its piece.
    """

    def leave(**settings):
        run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
        guard(database, "homes", ids(6)[2], until="batch = 3 AND lane = 1")
        left = push([*NO_ROWS, *({"id": one, "v": "x"} for one in ids(6))], **settings)
        open_guard(database)
        assert JournalSource(left.folder).first_row == 6
        return left

    return leave


@pytest.mark.parametrize(
    "settings", [{"mode": "upsert"}, {"mode": "append", "key": None}]
)
def test_unreadable_first_rows_are_accounted_for(
    database, leave_journal, state_dir, settings
):
    run = leave_journal(**settings).run_id
    [report] = recover(run, to=database)
    assert (report.counts.read, report.counts.rejected) == (10, 4)
    assert report.counts.inserted == 6
    assert stored(database) == sorted(ids(6))
    assert rejected_values(state_dir, run) == NO_ROWS
    assert leftovers() == []


def test_unreadable_first_rows_are_accounted_for_if_no_row_fits(
    database, push, state_dir
):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    left = push([*NO_ROWS, {"id": 1, "extra": 1}, {"id": 2, "extra": 2}])
    assert JournalSource(left.folder).first_row == 4
    [report] = recover(left.run_id, to=database, on_new_columns="ignore")
    assert (report.counts.read, report.counts.rejected) == (6, 4)
    assert stored(database) == [1, 2]
    assert rejected_values(state_dir, left.run_id) == NO_ROWS


def test_replace_is_recovered_after_unreadable_first_rows(database, push):
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY)",
        "INSERT INTO homes (id) VALUES (9)",
    )
    left = push([*NO_ROWS, {"id": 1, "extra": 1}], mode="replace")
    [report] = recover(left.run_id, to=database, on_new_columns="ignore")
    assert (report.status, report.counts.read) == ("loaded", 5)
    assert stored(database) == [1]


def test_rows_still_in_the_journal_are_loaded_without_a_ledger(database, leave_journal):
    left = leave_journal()
    run_sql(database, "DROP SCHEMA propload CASCADE")
    [report] = recover(left.run_id, to=database)
    assert (report.status, report.counts.read) == ("loaded", 4)
    assert stored(database) == sorted(ids(6))
    assert leftovers() == []


@pytest.mark.parametrize(
    "settings", [{"mode": "replace"}, {"mode": "append", "key": None}]
)
def test_replace_and_append_are_not_recovered_without_a_ledger(
    database, leave_journal, settings
):
    left = leave_journal(**settings)
    before = stored(database)
    run_sql(database, "DROP SCHEMA propload CASCADE")
    with pytest.raises(ConfigError, match="is not in the ledger"):
        recover(left.run_id, to=database)
    assert stored(database) == before


def test_replace_cannot_remap_rows_that_its_journal_has_removed(
    database, leave_journal
):
    left = leave_journal(mode="replace")
    other = {"id": pl.col("id") + 1000, "v": pl.col("v")}
    with pytest.raises(ConfigError, match="the first 6 are no longer in the journal"):
        recover(left.run_id, to=database, mapping=other)
    [report] = recover(left.run_id, to=database)
    assert report.counts.read == 10
    assert stored(database) == sorted(ids(6))
