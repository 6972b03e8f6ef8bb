"""What a replace that did not end had gathered: who keeps it, who drops it."""

from contextlib import nullcontext

import pytest

import propload
from propload.earlier_runs.leftover_journals import drop_leftover, leftovers
from propload.earlier_runs.recovering import recover
from propload.postgres.replacing import earlier_shadows
from tests.integration.reading import run_sql
from tests.integration.replacing.homes import OLD, ended_early, rows, shadows, stored
from tests.integration.users import user_without_a_ledger

pytestmark = pytest.mark.timeout(120)


@pytest.mark.one_server
@pytest.mark.parametrize("ledger", ["table", "file"])
def test_a_replace_of_another_table_leaves_alone_what_nobody_can_read_again(
    goal, database, ledger
):
    """Its journal has let go of the rows that are committed."""
    run_sql(database, "CREATE TABLE others (LIKE homes INCLUDING ALL)")
    limits = nullcontext(database)
    if ledger == "file":
        limits = user_without_a_ledger(database, "homes", "others")
    with limits as user:
        told = {**goal, "to": user}
        run = ended_early(told, "homes")
        assert propload.ingest(rows(2), **{**told, "table": "others"}).counts.read
        assert len(shadows(database)) == 1
        [report] = recover(run, to=user)
        assert report.status == "loaded"
        assert stored(database) == {(number, 1) for number in range(300)}
        assert shadows(database) == []


@pytest.mark.one_server
def test_what_a_replace_had_gathered_goes_with_its_journal(goal, database):
    run = ended_early(goal, "homes")
    assert len(shadows(database)) == 1
    # the journal has let go of them, and `recover` would put them in place
    [left] = leftovers()
    assert left.rows == 300
    assert "rows=300, table='public.homes'" in repr(left)
    assert drop_leftover(run, to=database) == 300
    assert shadows(database) == []
    assert stored(database) == OLD
    assert leftovers() == []


@pytest.mark.one_server
def test_rows_of_a_replace_that_stay_in_another_database_are_told(
    goal, database, caplog
):
    run = ended_early(goal, "homes")
    drop_leftover(run, to="postgresql://nobody@127.0.0.1:1/none")
    assert leftovers() == []
    assert f"the rows that run {run} had gathered for public.homes stay" in caplog.text


@pytest.mark.one_server
def test_what_nobody_comes_back_for_is_told_after_a_week(
    goal, database, caplog, monkeypatch, tmp_path
):
    run = ended_early(goal, "homes")
    run_sql(database, "CREATE TABLE others (LIKE homes INCLUDING ALL)")
    other = {**goal, "table": "others", "state_dir": tmp_path}
    propload.ingest(rows(2), **other)
    assert "has held since" not in caplog.text
    monkeypatch.setattr(earlier_shadows, "REPORTED_AFTER_DAYS", 0)
    propload.ingest(rows(2), **other)
    assert f"what run {run} had gathered for public.homes" in caplog.text
    assert f"propload recover {run} --state-dir {tmp_path} puts it" in caplog.text


@pytest.mark.one_server
def test_a_table_that_a_replace_has_made_has_no_old_rows(goal, database):
    run_sql(database, "DROP TABLE homes")
    run = ended_early(goal, "homes")
    [report] = [one for one in propload.runs() if one.run_id == run]
    assert "public.homes is new and stays empty. To load what came: " in report.message
    recover(run, to=database)
    assert stored(database) == {(number, 1) for number in range(300)}
