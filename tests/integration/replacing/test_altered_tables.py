"""A table that is dropped, recreated or altered while a replace gathers rows for it."""

from contextlib import suppress

import polars as pl
import pytest

import propload
from propload.earlier_runs.recovering import recover
from propload.errors import LoadError
from tests.faults.server import wait_until
from tests.integration.reading import query, run_sql
from tests.integration.replacing.homes import (
    CREATE_HOMES,
    OLD,
    csv_file,
    files_with_other_columns,
    rows,
    stored,
)
from tests.integration.users import user_without_a_ledger

pytestmark = pytest.mark.timeout(120)


@pytest.mark.one_server
@pytest.mark.parametrize("rows_kept", ["in the file", "in the journal"])
def test_replace_of_a_dropped_table_continues_once_it_is_recreated(
    replace_settings, database, before_swap, tmp_path, rows_kept
):
    before_swap("DROP TABLE homes")
    file = csv_file(tmp_path)
    is_file = rows_kept == "in the file"
    with pytest.raises(LoadError, match=r"homes is gone.*fix that") as failed:
        propload.ingest(file if is_file else iter(rows(1)), **replace_settings)
    run_id = failed.value.report.run_id

    def resume_or_recover():
        if is_file:
            return propload.ingest(file, resume=run_id, **replace_settings)
        return recover(run_id, to=database)[0]

    with pytest.raises(
        LoadError, match=r"homes is gone, .* create the table again.*fix that"
    ) as again:
        resume_or_recover()
    for error in (failed, again):
        assert "keeps its old rows" not in str(error.value)
    run_sql(database, CREATE_HOMES)
    assert resume_or_recover().status == "loaded"
    assert stored(database) == {(number, 1) for number in range(300)}


def push_files(source, **settings):
    """Push the rows of files into a `Loader`; return its report."""
    with propload.Loader(**settings) as loader:
        for path in source:
            loader.put(pl.read_csv(path).to_dicts())
    return loader.report


@pytest.mark.one_server
@pytest.mark.parametrize("rows_kept", ["in the file", "in the journal"])
def test_dropped_table_is_not_created_for_rows_with_other_columns(
    replace_settings, database, before_other_columns, tmp_path, rows_kept
):
    """It would have only the columns of these rows, and lose whatever else it had."""
    metrics = before_other_columns("DROP TABLE homes")
    source = files_with_other_columns(tmp_path)
    load = propload.ingest if rows_kept == "in the file" else push_files
    message = r"homes is gone, .* create the table again, .*fix that"
    with pytest.raises(LoadError, match=message) as failed:
        load(source, metrics=metrics, **replace_settings)
    run_id = failed.value.report.run_id

    def resume_or_recover():
        if rows_kept == "in the file":
            return propload.ingest(source, resume=run_id, **replace_settings)
        return recover(run_id, to=database)[0]

    with pytest.raises(LoadError, match=message):
        resume_or_recover()
    assert query(database, "SELECT to_regclass('homes') IS NULL") == [(True,)]
    run_sql(database, CREATE_HOMES)
    assert resume_or_recover().counts == propload.Counts(read=400, inserted=400)
    rest = {(number, None) for number in range(300, 400)}
    assert stored(database) == {(number, 1) for number in range(300)} | rest


@pytest.mark.one_server
@pytest.mark.parametrize("usable_rows", [0, 300])
def test_message_does_not_say_that_a_dropped_table_keeps_its_rows(
    replace_settings, database, usable_rows
):
    metrics = propload.Metrics()
    loader = propload.Loader(metrics=metrics, batch_seconds=0.05, **replace_settings)
    loader.put(rows(1, usable_rows) or [{"id": None, "day": 1}] * 300)
    wait_until(lambda: metrics.snapshot().counts.accounted == 300)
    run_sql(database, "DROP TABLE homes")
    # a block that raises, or a source without a usable row
    end = loader.__exit__ if usable_rows else loader.close
    with suppress(LoadError):
        end(
            *[RuntimeError, RuntimeError("the site went away"), None][: 3 * usable_rows]
        )
    message = loader.report.message
    assert "public.homes is gone, and its old rows with it" in message
    assert "keeps" not in message
    assert ("To load what came: create the table again" in message) == bool(usable_rows)


@pytest.mark.one_server
def test_message_does_not_say_that_a_missing_table_keeps_its_rows(database, tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id,day\n")
    with pytest.raises(LoadError, match="there is nothing to replace") as failed:
        propload.ingest(path, to=database, table="homes", key="id", mode="replace")
    assert "old rows" not in str(failed.value)


@pytest.mark.one_server
def test_gathered_rows_go_into_a_table_that_was_recreated(
    replace_settings, database, before_other_columns, tmp_path
):
    metrics = before_other_columns("DROP TABLE homes", CREATE_HOMES)
    source = files_with_other_columns(tmp_path)
    report = propload.ingest(source, metrics=metrics, **replace_settings)
    assert report.counts == propload.Counts(read=400, inserted=400)
    assert len(stored(database)) == 400


@pytest.mark.one_server
def test_replace_is_refused_if_row_level_security_now_hides_rows(
    replace_settings, database, before_swap
):
    run_sql(database, "CREATE TABLE visits (home bigint REFERENCES homes)")
    before_swap("ALTER TABLE homes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    run_sql(database, "CREATE POLICY early ON homes USING (id < 200) WITH CHECK (true)")
    with user_without_a_ledger(database, "homes", "visits") as user:
        message = (
            r"row-level security has applied to this user since this replace began"
        )
        with pytest.raises(LoadError, match=message):
            propload.ingest(rows(1), **{**replace_settings, "to": user})
        assert stored(database) == OLD


@pytest.mark.one_server
@pytest.mark.parametrize("rows_kept", ["in the file", "in the journal"])
def test_replace_of_a_table_that_lost_a_column_keeps_the_old_rows(
    replace_settings, database, before_swap, tmp_path, rows_kept
):
    before_swap("ALTER TABLE homes DROP day")
    source = csv_file(tmp_path) if rows_kept == "in the file" else iter(rows(1))
    with pytest.raises(
        LoadError, match=r'"day" .*public\.homes keeps its old rows.*fix that'
    ):
        propload.ingest(source, **replace_settings)
