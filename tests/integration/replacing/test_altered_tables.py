"""A table that is dropped, made again or altered while rows are gathered for it."""

from contextlib import suppress

import polars as pl
import pytest

import propload
from propload.earlier_runs.recovering import recover
from propload.errors import LoadError
from tests.faults.server import wait_until
from tests.integration.reading import query, run_sql
from tests.integration.replacing.homes import (
    MADE_AGAIN,
    OLD,
    as_file,
    files_of_other_columns,
    rows,
    stored,
)
from tests.integration.users import user_without_a_ledger

pytestmark = pytest.mark.timeout(120)


@pytest.mark.one_server
@pytest.mark.parametrize("kept", ["in the file", "in the journal"])
def test_a_replace_whose_table_is_gone_waits_until_it_is_made_again(
    goal, database, before_swap, tmp_path, kept
):
    before_swap("DROP TABLE homes")
    file = as_file(tmp_path)
    is_file = kept == "in the file"
    with pytest.raises(LoadError, match=r"homes is gone.*fix that") as failed:
        propload.ingest(file if is_file else iter(rows(1)), **goal)
    run_id = failed.value.report.run_id

    def go_on():
        if is_file:
            return propload.ingest(file, resume=run_id, **goal)
        return recover(run_id, to=database)[0]

    with pytest.raises(
        LoadError, match=r"homes is gone, .* create the table again.*fix that"
    ) as again:
        go_on()
    for told in (failed, again):
        assert "keeps its old rows" not in str(told.value)
    run_sql(database, MADE_AGAIN)
    assert go_on().status == "loaded"
    assert stored(database) == {(number, 1) for number in range(300)}


def pushed(source, **told):
    """Push the rows of files."""
    with propload.Loader(**told) as loader:
        for path in source:
            loader.put(pl.read_csv(path).to_dicts())
    return loader.report


@pytest.mark.one_server
@pytest.mark.parametrize("kept", ["in the file", "in the journal"])
def test_a_table_that_is_gone_is_not_made_again_for_rows_of_other_columns(
    goal, database, before_other_columns, tmp_path, kept
):
    """It would be made of their columns alone, without what else it had."""
    metrics = before_other_columns("DROP TABLE homes")
    source = files_of_other_columns(tmp_path)
    load = propload.ingest if kept == "in the file" else pushed
    gone = r"homes is gone, .* create the table again, .*fix that"
    with pytest.raises(LoadError, match=gone) as failed:
        load(source, metrics=metrics, **goal)
    run_id = failed.value.report.run_id

    def go_on():
        if kept == "in the file":
            return propload.ingest(source, resume=run_id, **goal)
        return recover(run_id, to=database)[0]

    with pytest.raises(LoadError, match=gone):
        go_on()
    assert query(database, "SELECT to_regclass('homes') IS NULL") == [(True,)]
    run_sql(database, MADE_AGAIN)
    assert go_on().counts == propload.Counts(read=400, inserted=400)
    rest = {(number, None) for number in range(300, 400)}
    assert stored(database) == {(number, 1) for number in range(300)} | rest


@pytest.mark.one_server
@pytest.mark.parametrize("usable", [0, 300])
def test_a_table_that_was_dropped_is_not_said_to_keep_its_rows(goal, database, usable):
    metrics = propload.Metrics()
    loader = propload.Loader(metrics=metrics, batch_seconds=0.05, **goal)
    loader.put(rows(1, usable) or [{"id": None, "day": 1}] * 300)
    wait_until(lambda: metrics.snapshot().counts.accounted == 300)
    run_sql(database, "DROP TABLE homes")
    # a block that raises, or a source without a usable row
    ended = loader.__exit__ if usable else loader.close
    with suppress(LoadError):
        ended(*[RuntimeError, RuntimeError("the site went away"), None][: 3 * usable])
    told = loader.report.message
    assert "public.homes is gone, and its old rows with it" in told
    assert "keeps" not in told
    assert ("To load what came: create the table again" in told) == bool(usable)


@pytest.mark.one_server
def test_a_table_that_was_never_there_is_not_said_to_keep_rows(database, tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id,day\n")
    with pytest.raises(LoadError, match="there is nothing to replace") as failed:
        propload.ingest(path, to=database, table="homes", key="id", mode="replace")
    assert "old rows" not in str(failed.value)


@pytest.mark.one_server
def test_what_was_gathered_goes_into_a_table_that_was_made_again_meanwhile(
    goal, database, before_other_columns, tmp_path
):
    metrics = before_other_columns("DROP TABLE homes", MADE_AGAIN)
    source = files_of_other_columns(tmp_path)
    report = propload.ingest(source, metrics=metrics, **goal)
    assert report.counts == propload.Counts(read=400, inserted=400)
    assert len(stored(database)) == 400


@pytest.mark.one_server
def test_rows_that_came_to_be_hidden_do_not_stay_beside_the_new_ones(
    goal, database, before_swap
):
    run_sql(database, "CREATE TABLE visits (home bigint REFERENCES homes)")
    before_swap("ALTER TABLE homes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    run_sql(database, "CREATE POLICY early ON homes USING (id < 200) WITH CHECK (true)")
    with user_without_a_ledger(database, "homes", "visits") as user:
        told = r"row-level security has applied to this user since this replace began"
        with pytest.raises(LoadError, match=told):
            propload.ingest(rows(1), **{**goal, "to": user})
        assert stored(database) == OLD


@pytest.mark.one_server
@pytest.mark.parametrize("kept", ["in the file", "in the journal"])
def test_a_table_that_lost_a_column_is_to_be_mended_before_it_is_replaced(
    goal, database, before_swap, tmp_path, kept
):
    before_swap("ALTER TABLE homes DROP day")
    source = as_file(tmp_path) if kept == "in the file" else iter(rows(1))
    with pytest.raises(
        LoadError, match=r'"day" .*public\.homes keeps its old rows.*fix that'
    ):
        propload.ingest(source, **goal)
