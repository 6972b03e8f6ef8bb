"""Rows gathered by an unfinished replace: what keeps them and what drops them."""

from contextlib import nullcontext

import pytest

import propload
from propload.earlier_runs.leftover_journals import drop_leftover, leftovers
from propload.earlier_runs.recovering import recover
from propload.postgres.replacing import earlier_shadows
from tests.integration.reading import run_sql
from tests.integration.replacing.homes import OLD, fail_halfway, rows, shadows, stored
from tests.integration.users import user_without_a_ledger

pytestmark = pytest.mark.timeout(120)


@pytest.mark.one_server
@pytest.mark.parametrize("ledger", ["table", "file"])
def test_replace_of_another_table_keeps_rows_of_an_unfinished_replace(
    replace_settings, database, ledger
):
    """They exist nowhere else: the journal no longer has rows that are committed."""
    run_sql(database, "CREATE TABLE others (LIKE homes INCLUDING ALL)")
    limits = nullcontext(database)
    if ledger == "file":
        limits = user_without_a_ledger(database, "homes", "others")
    with limits as user:
        settings = {**replace_settings, "to": user}
        run = fail_halfway(settings, "homes")
        assert propload.ingest(rows(2), **{**settings, "table": "others"}).counts.read
        assert len(shadows(database)) == 1
        [report] = recover(run, to=user)
        assert report.status == "loaded"
        assert stored(database) == {(number, 1) for number in range(300)}
        assert shadows(database) == []


@pytest.mark.one_server
def test_dropping_the_journal_of_a_replace_drops_its_gathered_rows(
    replace_settings, database
):
    run = fail_halfway(replace_settings, "homes")
    assert len(shadows(database)) == 1
    # the journal no longer has them, and `recover` would put them in place
    [left] = leftovers()
    assert left.rows == 300
    assert "rows=300, table='public.homes'" in repr(left)
    assert drop_leftover(run, to=database) == 300
    assert shadows(database) == []
    assert stored(database) == OLD
    assert leftovers() == []


@pytest.mark.one_server
def test_gathered_rows_that_stay_in_another_database_are_logged(
    replace_settings, database, caplog
):
    run = fail_halfway(replace_settings, "homes")
    drop_leftover(run, to="postgresql://nobody@127.0.0.1:1/none")
    assert leftovers() == []
    assert f"the rows that run {run} had gathered for public.homes stay" in caplog.text


@pytest.mark.one_server
def test_abandoned_gathered_rows_are_reported_after_a_week(
    replace_settings, database, caplog, monkeypatch, tmp_path
):
    run = fail_halfway(replace_settings, "homes")
    run_sql(database, "CREATE TABLE others (LIKE homes INCLUDING ALL)")
    other = {**replace_settings, "table": "others", "state_dir": tmp_path}
    propload.ingest(rows(2), **other)
    assert "has held since" not in caplog.text
    monkeypatch.setattr(earlier_shadows, "REPORTED_AFTER_DAYS", 0)
    propload.ingest(rows(2), **other)
    assert f"what run {run} had gathered for public.homes" in caplog.text
    assert f"propload recover {run} --state-dir {tmp_path} puts it" in caplog.text


@pytest.mark.one_server
def test_report_says_that_a_table_made_by_a_replace_stays_empty(
    replace_settings, database
):
    run_sql(database, "DROP TABLE homes")
    run = fail_halfway(replace_settings, "homes")
    [report] = [one for one in propload.runs() if one.run_id == run]
    assert "public.homes is new and stays empty. To load what came: " in report.message
    recover(run, to=database)
    assert stored(database) == {(number, 1) for number in range(300)}
