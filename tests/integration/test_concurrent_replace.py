"""A replace reports runs that were still going on when it removed their rows."""

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
def target(database):
    """Create a table, and return the settings that load into it."""
    run_sql(database, TABLE.format("homes"))
    return {"to": database, "table": "homes", "key": "id", "progress": False}


def rows(first, count=20):
    return [{"id": number, "day": 0} for number in range(first, first + count)]


@contextmanager
def open_run(target, **settings):
    """Keep a run open that has committed rows, and yield its loader."""
    arguments = {**target, **settings}
    with propload.Loader(batch_seconds=0.01, **arguments) as loader:
        loader.put(rows(0))
        wait_until(lambda: loader.metrics.snapshot().counts.accounted == 20)
        yield loader


def notes_of_replace(target, **settings):
    report = propload.ingest(NEW, **{**target, "mode": "replace", **settings})
    assert report.status == "loaded"
    return [note for note in report.notes if "still ran" in note]


def test_replace_names_the_open_run_whose_rows_are_gone(target, database):
    with open_run(target) as other:
        [note] = notes_of_replace(target)
        other.put(rows(20))
    assert f"run {other.report.run_id} still ran" in note
    assert "by then is gone from public.homes" in note
    assert "--lock" in note
    ids = set(read_table(database, "homes")["id"])
    assert ids == {*range(20, 40), *range(100, 110)}
    assert other.report.status == "loaded"


def test_replace_names_every_open_run_whose_rows_are_gone(target):
    with open_run(target) as one, open_run(target, mode="insert-new") as idle:
        # rows that the second run found unchanged are gone as well
        [note] = notes_of_replace(target)
    assert f"runs {one.report.run_id}, {idle.report.run_id} still ran" in note


@pytest.mark.one_server
def test_replace_does_not_name_runs_that_lost_nothing(target, database):
    run_sql(database, TABLE.format("others"))
    with (
        open_run(target, table="others"),
        open_run(target, mode="replace"),
        propload.Loader(**target),
    ):
        assert notes_of_replace(target) == []
    # they have ended
    assert notes_of_replace(target) == []


@pytest.mark.one_server
def test_replace_does_not_name_a_killed_run(target, database):
    propload.ingest(rows(0), **target)
    run_sql(database, "UPDATE propload.runs SET status = 'running'")
    assert notes_of_replace(target) == []


@pytest.mark.one_server
def test_replace_by_a_user_without_a_ledger_names_no_run(target, database):
    with user_without_a_ledger(database, "homes") as user, open_run(target):
        assert notes_of_replace(target, to=user) == []
