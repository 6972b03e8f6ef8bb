"""Errors are of the classes that the documentation names, wherever they occur."""

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

SETTINGS = {
    "table": "homes",
    "key": "id",
    "progress": False,
    "on_new_columns": "refuse",
}


@pytest.fixture
def homes(database):
    """Make a table that has no column `price`."""
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    return database


def test_schema_mismatch_is_a_load_error_with_a_report(homes):
    with pytest.raises(propload.SchemaMismatchError, match="price") as raised:
        propload.ingest([{"id": 1, "price": 2}], to=homes, **SETTINGS)
    assert isinstance(raised.value, propload.LoadError)
    assert raised.value.report.status == "failed"


def test_commands_in_messages_repeat_the_state_dir_argument(homes, tmp_path):
    flag = f"--state-dir {tmp_path}"
    settings = {**SETTINGS, "to": homes, "state_dir": tmp_path}
    report = propload.ingest([{"id": None}], **settings)
    assert str(report).endswith(f"propload rejects show {report.run_id} {flag}")
    (kept,) = propload.runs(state_dir=tmp_path)
    assert str(kept).endswith(f"propload rejects show {report.run_id} {flag}")
    with pytest.raises(propload.RejectLimitError) as limited:
        propload.ingest([{"id": None}], max_rejects=0, **settings)
    shown = f"see propload rejects show {limited.value.report.run_id} {flag}. "
    assert shown in str(limited.value)
    with pytest.raises(ConfigError, match=f"See: propload runs list {flag}"):
        propload.ingest([{"id": 1}], resume="20260101T120000-ab12", **settings)
    with pytest.raises(propload.SchemaMismatchError, match=f"recover {flag}"):
        propload.ingest(iter([{"id": 1, "price": 2}]), **settings)
    (left,) = propload.leftovers(state_dir=tmp_path)
    again = f"recover {left.run_id} {flag} --key"
    with pytest.raises(propload.LoadError, match=again):
        propload.ingest(iter([{"id": 1, "price": 2}]), **settings)


def test_put_after_the_load_has_failed_names_the_cause(homes):
    loader = propload.Loader(to=homes, **SETTINGS)
    loader.on_failed(lambda _: None)
    loader.put({"id": 1, "price": 2})
    loader._thread.join()
    with pytest.raises(propload.SchemaMismatchError, match="nothing more can be put"):
        loader.put({"id": 2})
    with pytest.raises(propload.SchemaMismatchError, match="price"):
        loader.close()


def test_put_during_which_the_load_fails_counts_the_rows_taken(homes, monkeypatch):
    loader = propload.Loader(to=homes, **SETTINGS)
    loader.on_failed(lambda _: None)
    append = Journal.append

    def append_then_fail(journal, batch, **options):
        append(journal, batch, **options)
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


def test_recovered_rows_that_do_not_fit_are_a_schema_mismatch(homes):
    with pytest.raises(propload.SchemaMismatchError):
        propload.ingest(iter([{"id": 1, "price": 2}]), to=homes, **SETTINGS)
    with pytest.raises(propload.SchemaMismatchError, match="price"):
        propload.recover(to=homes)
    run_sql(homes, "ALTER TABLE homes ADD price bigint")
    propload.recover(to=homes)
    assert read_table(homes, "homes").rows() == [(1, 2)]


def test_replayed_rows_that_no_longer_fit_are_a_schema_mismatch(homes):
    run_sql(homes, "ALTER TABLE homes ADD price int CHECK (price > 5)")
    report = propload.ingest([{"id": 1, "price": 2}], to=homes, **SETTINGS)
    assert report.counts.rejected == 1
    run_sql(homes, "ALTER TABLE homes DROP COLUMN price")
    with pytest.raises(propload.SchemaMismatchError, match="price"):
        propload.replay(report.run_id, to=homes)


def test_emptied_rejects_file_is_reported_as_empty_not_unreadable(homes):
    run_sql(homes, "ALTER TABLE homes ADD price int CHECK (price > 5)")
    report = propload.ingest([{"id": 1, "price": 2}], to=homes, **SETTINGS)
    Path(report.rejects_path).write_bytes(b"")
    message = f"no longer holds any row: .* rejects drop {report.run_id}"
    with pytest.raises(propload.ConfigError, match=message):
        propload.replay(report.run_id, to=homes)


def test_database_that_refuses_an_insert_raises_write_error(homes):
    run_sql(
        homes,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE 'not today' USING ERRCODE = '42501'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON homes FOR EACH STATEMENT "
        "EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(propload.WriteError, match="not today") as raised:
        propload.ingest([{"id": 1}], to=homes, **SETTINGS)
    assert raised.value.sqlstate == "42501"
    assert str(raised.value.__cause__).startswith("not today")
    assert raised.value.report.counts.inserted == 0


@pytest.mark.parametrize(
    ("locked", "mode", "step"),
    [
        ("homes", "upsert", "the server was asked about it"),
        ("propload.runs", "upsert", "table and ledger were prepared"),
        ("propload.ledger", "upsert", "the piece was entered in the ledger"),
        ("propload.ledger", "replace", "table and ledger were prepared"),
    ],
)
def test_timeout_outside_the_write_does_not_advise_smaller_batches(
    homes, locked, mode, step
):
    propload.ingest([{"id": 1}], to=homes, **SETTINGS)
    hasty = f"{homes}&options=-c%20statement_timeout%3D300"
    with connect(homes) as holder:
        holder.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(
            propload.WriteError, match=rf"57014.* while {step}"
        ) as caught:
            propload.ingest([{"id": 2}], to=hasty, mode=mode, **SETTINGS)
    assert "statement_timeout" in str(caught.value)
    assert "--batch-rows" not in str(caught.value)


def test_read_only_server_error_points_to_the_primary(homes):
    standby = with_option(homes, "-c default_transaction_read_only=on")
    with pytest.raises(
        propload.WriteError, match="use the address of the primary"
    ) as caught:
        propload.ingest([{"id": 1}], to=standby, **SETTINGS)
    assert "target_session_attrs=read-write" in str(caught.value)
    assert read_table(homes, "homes").is_empty()


@pytest.mark.parametrize(
    ("thread", "is_run_begun"),
    [
        ("propload-run", False),
        ("propload-memory", False),
        ("propload-journal-sync", False),
        ("propload-lane-0", True),
        ("propload-producer", True),
    ],
)
def test_thread_that_cannot_start_ends_the_load_cleanly(
    homes, tmp_path, monkeypatch, thread, is_run_begun
):
    start = threading.Thread.start

    def refuse(starting):
        if starting.name == thread:
            msg = "can't start new thread"
            raise RuntimeError(msg)
        start(starting)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    settings = {**SETTINGS, "to": homes, "state_dir": tmp_path}
    with pytest.raises(
        propload.PropLoadError, match="cannot start more threads: "
    ) as raised:
        propload.ingest(({"id": n} for n in range(3)), **settings)
    assert isinstance(raised.value, propload.LoadError) is is_run_begun
    assert [*tmp_path.glob("journal/*")] == []
    monkeypatch.undo()
    report = propload.ingest(({"id": n} for n in range(3)), **settings)
    assert report.counts.inserted == 3
