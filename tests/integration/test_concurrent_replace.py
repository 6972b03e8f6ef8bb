"""A replace tells of runs whose rows it removed while they went on."""

from contextlib import contextmanager

import pytest

import propload
from tests.faults.server import wait_until
from tests.integration.reading import read_table, run_sql
from tests.integration.users import user_without_a_ledger

pytestmark = pytest.mark.timeout(120)

TABLE = "CREATE TABLE {} (id bigint PRIMARY KEY, day bigint)"
NEW = [{"id": number, "day": 1} for number in range(100, 110)]


@pytest.fixture
def goal(database):
    """Make a table. Value: the settings that load it."""
    run_sql(database, TABLE.format("homes"))
    return {"to": database, "table": "homes", "key": "id", "progress": False}


def rows(first, count=20):
    return [{"id": number, "day": 0} for number in range(first, first + count)]


@contextmanager
def open_run(goal, **settings):
    """Keep a run open that has committed rows."""
    told = {**goal, **settings}
    with propload.Loader(batch_seconds=0.01, **told) as loader:
        loader.put(rows(0))
        wait_until(lambda: loader.metrics.snapshot().counts.accounted == 20)
        yield loader


def notes_of_replace(goal, **settings):
    report = propload.ingest(NEW, **{**goal, "mode": "replace", **settings})
    assert report.status == "loaded"
    return [note for note in report.notes if "still ran" in note]


def test_a_replace_names_the_open_run_whose_rows_are_gone(goal, database):
    with open_run(goal) as beside:
        [note] = notes_of_replace(goal)
        beside.put(rows(20))
    assert f"run {beside.report.run_id} still ran" in note
    assert "by then is gone from public.homes" in note
    assert "--lock" in note
    ids = set(read_table(database, "homes")["id"])
    assert ids == {*range(20, 40), *range(100, 110)}
    assert beside.report.status == "loaded"


def test_it_names_all_of_them(goal):
    with open_run(goal) as one, open_run(goal, mode="insert-new") as idle:
        # what another one has stored already is unchanged, and is gone all the same
        [note] = notes_of_replace(goal)
    assert f"runs {one.report.run_id}, {idle.report.run_id} still ran" in note


@pytest.mark.one_server
def test_runs_that_lost_nothing_by_it_are_not_told(goal, database):
    run_sql(database, TABLE.format("others"))
    with (
        open_run(goal, table="others"),
        open_run(goal, mode="replace"),
        propload.Loader(**goal),
    ):
        assert notes_of_replace(goal) == []
    # it has ended
    assert notes_of_replace(goal) == []


@pytest.mark.one_server
def test_a_run_that_was_killed_is_not_told(goal, database):
    propload.ingest(rows(0), **goal)
    run_sql(database, "UPDATE propload.runs SET status = 'running'")
    assert notes_of_replace(goal) == []


@pytest.mark.one_server
def test_who_has_no_ledger_in_the_database_replaces_without_a_note(goal, database):
    with user_without_a_ledger(database, "homes") as poor, open_run(goal):
        assert notes_of_replace(goal, to=poor) == []
