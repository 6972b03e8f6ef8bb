"""A journal lets go of rows whose end the ledger holds, also where none was stored."""

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

#: What a source gives that is no row: nothing tells a table's columns.
NO_ROWS = [0, 1, 2, 3]


@pytest.fixture(autouse=True)
def short_files(monkeypatch):
    """Let each record of a journal be a file, which goes when it is committed."""
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)


@pytest.fixture
def push(database):
    def push(rows, **settings):
        """Push rows two by two into a run that fails; return its journal."""
        told = {"key": "id", "workers": 2, "batch_rows": 2, "progress": False}
        loader = propload.Loader(to=database, table="homes", **{**told, **settings})
        with suppress(LoadError):
            for first in range(0, len(rows), 2):
                loader.put(rows[first : first + 2])
        with pytest.raises(LoadError):
            loader.close()
        [left] = leftovers()
        return left

    return push


def ids(count):
    """Return ids of which the lanes take one each in turn."""
    return [one for pair in zip(*ids_by_lane(), strict=False) for one in pair][:count]


def stored(database):
    return read_table(database, "homes")["id"].sort().to_list()


def texts_refused(state_dir, run):
    """Return what stands in the rejects of a run instead of rows, as numbers."""
    found = propload.rejects(run, state_dir=state_dir)["propload_reason_list"].to_list()
    return [int(reason["value"]) for reasons in found for reason in reasons]


@pytest.fixture
def begun(database, push):
    """Leave a journal that has let go of rows that were none, and of two stored ones.

    Of the next batch one lane has committed its piece.
    """

    def leave(**settings):
        run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
        guard(database, "homes", ids(6)[2], until="batch = 3 AND lane = 1")
        left = push([*NO_ROWS, *({"id": one, "v": "x"} for one in ids(6))], **settings)
        open_guard(database)
        assert JournalSource(left.folder).first_row == 6
        return left

    return leave


@pytest.mark.parametrize("told", [{"mode": "upsert"}, {"mode": "append", "key": None}])
def test_unreadable_rows_before_the_first_table_are_accounted_for(
    database, begun, state_dir, told
):
    run = begun(**told).run_id
    [report] = recover(run, to=database)
    assert (report.counts.read, report.counts.rejected) == (10, 4)
    assert report.counts.inserted == 6
    assert stored(database) == sorted(ids(6))
    assert texts_refused(state_dir, run) == NO_ROWS
    assert leftovers() == []


def test_so_they_are_where_no_row_fits_the_table(database, push, state_dir):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    left = push([*NO_ROWS, {"id": 1, "extra": 1}, {"id": 2, "extra": 2}])
    assert JournalSource(left.folder).first_row == 4
    [report] = recover(left.run_id, to=database, on_new_columns="ignore")
    assert (report.counts.read, report.counts.rejected) == (6, 4)
    assert stored(database) == [1, 2]
    assert texts_refused(state_dir, left.run_id) == NO_ROWS


def test_a_replace_whose_first_rows_were_none_begins_its_shadow_with_the_next(
    database, push
):
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY)",
        "INSERT INTO homes (id) VALUES (9)",
    )
    left = push([*NO_ROWS, {"id": 1, "extra": 1}], mode="replace")
    [report] = recover(left.run_id, to=database, on_new_columns="ignore")
    assert (report.status, report.counts.read) == ("loaded", 5)
    assert stored(database) == [1]


def test_rows_that_are_left_are_loaded_where_the_ledger_is_lost(database, begun):
    left = begun()
    run_sql(database, "DROP SCHEMA propload CASCADE")
    [report] = recover(left.run_id, to=database)
    assert (report.status, report.counts.read) == ("loaded", 4)
    assert stored(database) == sorted(ids(6))
    assert leftovers() == []


@pytest.mark.parametrize("told", [{"mode": "replace"}, {"mode": "append", "key": None}])
def test_without_a_ledger_nobody_knows_what_a_journal_let_go_of(database, begun, told):
    left = begun(**told)
    before = stored(database)
    run_sql(database, "DROP SCHEMA propload CASCADE")
    with pytest.raises(ConfigError, match="is not in the ledger"):
        recover(left.run_id, to=database)
    assert stored(database) == before


def test_a_replace_cannot_write_again_what_its_journal_has_let_go_of(database, begun):
    left = begun(mode="replace")
    other = {"id": pl.col("id") + 1000, "v": pl.col("v")}
    with pytest.raises(ConfigError, match="the first 6 are no longer in the journal"):
        recover(left.run_id, to=database, mapping=other)
    [report] = recover(left.run_id, to=database)
    assert report.counts.read == 10
    assert stored(database) == sorted(ids(6))
