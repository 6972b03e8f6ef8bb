"""Errors are caught as what the documentation calls them, wherever they come up."""

from __future__ import annotations

import threading
from pathlib import Path

import polars as pl
import pytest

import propload
from propload.errors import ConfigError
from propload.journal import Journal
from propload.postgres.session.connection import connect
from propload.postgres.session.dsn import with_option
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

TOLD = {"table": "homes", "key": "id", "progress": False, "on_new_columns": "refuse"}


@pytest.fixture
def homes(database):
    """Make a table that has no column `price`."""
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    return database


def test_rows_that_do_not_fit_are_a_schema_mismatch_that_carries_the_report(homes):
    with pytest.raises(propload.SchemaMismatchError, match="price") as raised:
        propload.ingest([{"id": 1, "price": 2}], to=homes, **TOLD)
    assert isinstance(raised.value, propload.LoadError)
    assert raised.value.report.status == "failed"


def test_commands_in_messages_name_a_state_folder_that_a_keyword_named(homes, tmp_path):
    flag = f"--state-dir {tmp_path}"
    told = {**TOLD, "to": homes, "state_dir": tmp_path}
    report = propload.ingest([{"id": None}], **told)
    assert str(report).endswith(f"propload rejects show {report.run_id} {flag}")
    (kept,) = propload.runs(state_dir=tmp_path)
    assert str(kept).endswith(f"propload rejects show {report.run_id} {flag}")
    with pytest.raises(propload.RejectLimitError) as limited:
        propload.ingest([{"id": None}], max_rejects=0, **told)
    shown = f"see propload rejects show {limited.value.report.run_id} {flag}. "
    assert shown in str(limited.value)
    with pytest.raises(ConfigError, match=f"See: propload runs list {flag}"):
        propload.ingest([{"id": 1}], resume="20260101T120000-ab12", **told)
    with pytest.raises(propload.SchemaMismatchError, match=f"recover {flag}"):
        propload.ingest(iter([{"id": 1, "price": 2}]), **told)
    (left,) = propload.leftovers(state_dir=tmp_path)
    again = f"recover {left.run_id} {flag} --key"
    with pytest.raises(propload.LoadError, match=again):
        propload.ingest(iter([{"id": 1, "price": 2}]), **told)


def test_what_is_put_after_the_load_has_failed_says_why(homes):
    loader = propload.Loader(to=homes, **TOLD)
    loader.on_failed(lambda _: None)
    loader.put({"id": 1, "price": 2})
    loader._thread.join()
    with pytest.raises(propload.SchemaMismatchError, match="nothing more can be put"):
        loader.put({"id": 2})
    with pytest.raises(propload.SchemaMismatchError, match="price"):
        loader.close()


def test_a_load_that_fails_while_rows_are_put_tells_how_many_were_taken(
    homes, monkeypatch
):
    loader = propload.Loader(to=homes, **TOLD)
    loader.on_failed(lambda _: None)
    append = Journal.append

    def append_then_fail(journal, batch, **given):
        append(journal, batch, **given)
        loader._thread.join(20)

    monkeypatch.setattr(Journal, "append", append_then_fail)
    frames = (pl.DataFrame({"id": [n], "price": [2]}) for n in range(3))
    with pytest.raises(
        propload.SchemaMismatchError,
        match=r"nothing more can be put \(the first 1 row was taken\): .*price",
    ):
        loader.put(frames)
    with pytest.raises(propload.SchemaMismatchError, match="price"):
        loader.close()


def test_a_journal_that_does_not_fit_either_is_a_schema_mismatch(homes):
    with pytest.raises(propload.SchemaMismatchError):
        propload.ingest(iter([{"id": 1, "price": 2}]), to=homes, **TOLD)
    with pytest.raises(propload.SchemaMismatchError, match="price"):
        propload.recover(to=homes)
    run_sql(homes, "ALTER TABLE homes ADD price bigint")
    propload.recover(to=homes)
    assert read_table(homes, "homes").rows() == [(1, 2)]


def test_refused_rows_that_no_longer_fit_are_a_schema_mismatch(homes):
    run_sql(homes, "ALTER TABLE homes ADD price int CHECK (price > 5)")
    report = propload.ingest([{"id": 1, "price": 2}], to=homes, **TOLD)
    assert report.counts.rejected == 1
    run_sql(homes, "ALTER TABLE homes DROP COLUMN price")
    with pytest.raises(propload.SchemaMismatchError, match="price"):
        propload.replay(report.run_id, to=homes)


def test_rows_that_somebody_took_out_are_not_told_to_be_unreadable(homes):
    run_sql(homes, "ALTER TABLE homes ADD price int CHECK (price > 5)")
    report = propload.ingest([{"id": 1, "price": 2}], to=homes, **TOLD)
    Path(report.rejects_path).write_bytes(b"")
    told = f"no longer holds any row: .* rejects drop {report.run_id}"
    with pytest.raises(propload.ConfigError, match=told):
        propload.replay(report.run_id, to=homes)


def test_a_source_that_fails_later_is_a_source_error(homes):
    def rows():
        yield {"id": 1}
        msg = "the line is cut"
        raise OSError(msg)

    with pytest.raises(propload.SourceError, match="the line is cut") as raised:
        propload.ingest(rows(), to=homes, **TOLD)
    assert raised.value.report.counts.inserted == 1


def test_a_database_that_refuses_later_is_a_write_error(homes):
    run_sql(
        homes,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE 'not today' USING ERRCODE = '42501'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON homes FOR EACH STATEMENT "
        "EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(propload.WriteError, match="not today") as raised:
        propload.ingest([{"id": 1}], to=homes, **TOLD)
    assert raised.value.sqlstate == "42501"
    assert raised.value.report.counts.inserted == 0


@pytest.mark.parametrize(
    ("held", "mode", "doing"),
    [
        ("homes", "upsert", "the server was asked about it"),
        ("propload.runs", "upsert", "table and ledger were prepared"),
        ("propload.ledger", "upsert", "the piece was entered in the ledger"),
        ("propload.ledger", "replace", "table and ledger were prepared"),
    ],
)
def test_a_time_limit_that_is_not_for_the_rows_is_not_met_by_smaller_batches(
    homes, held, mode, doing
):
    propload.ingest([{"id": 1}], to=homes, **TOLD)
    hasty = f"{homes}&options=-c%20statement_timeout%3D300"
    with connect(homes) as holder:
        holder.execute(f"LOCK TABLE {held} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(
            propload.WriteError, match=rf"57014.* while {doing}"
        ) as told:
            propload.ingest([{"id": 2}], to=hasty, mode=mode, **TOLD)
    assert "statement_timeout" in str(told.value)
    assert "--batch-rows" not in str(told.value)


def test_a_server_that_takes_no_writes_is_told_with_where_to_go(homes):
    standby = with_option(homes, "-c default_transaction_read_only=on")
    with pytest.raises(propload.WriteError, match="use the address of the primary"):
        propload.ingest([{"id": 1}], to=standby, **TOLD)
    assert read_table(homes, "homes").is_empty()


@pytest.mark.parametrize(
    ("thread", "begun"),
    [
        ("propload-run", False),
        ("propload-memory", False),
        ("propload-journal-sync", False),
        ("propload-lane-0", True),
        ("propload-producer", True),
    ],
)
def test_a_thread_that_the_system_refuses_ends_a_load_as_other_errors_do(
    homes, tmp_path, monkeypatch, thread, begun
):
    start = threading.Thread.start

    def refuse(one):
        if one.name == thread:
            msg = "can't start new thread"
            raise RuntimeError(msg)
        start(one)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    told = {**TOLD, "to": homes, "state_dir": tmp_path}
    with pytest.raises(
        propload.PropLoadError, match="cannot start more threads: "
    ) as raised:
        propload.ingest(({"id": n} for n in range(3)), **told)
    assert isinstance(raised.value, propload.LoadError) is begun
    assert [*tmp_path.glob("journal/*")] == []
    monkeypatch.undo()
    report = propload.ingest(({"id": n} for n in range(3)), **told)
    assert report.counts.inserted == 3
