"""Rejected rows that were fixed: those that fit now are loaded, the others kept."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import re
from urllib.parse import urlsplit

import pandera.polars as pa
import polars as pl
import pytest

import propload
from propload.earlier_runs.replaying import replay
from propload.errors import ConfigError, LockedError, RejectLimitError
from propload.rejecting import RejectStore
from propload.state.unfinished_runs import UnfinishedRun, UnfinishedRunStore
from tests.faults import loading
from tests.faults.server import (
    SLOW_LEDGER,
    ask,
    commits_of,
    wait_until,
)
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

ROWS = [
    {"id": n, "price": ["100", "dear", "-5"][n % 3], "agent": n % 4} for n in range(120)
]


@pytest.fixture
def refused_run(dsn, state_dir):
    """Load rows of which most are rejected, for three reasons."""
    run_sql(
        dsn,
        "CREATE TABLE agents (id bigint PRIMARY KEY)",
        "INSERT INTO agents VALUES (0), (1), (2)",
        "CREATE TABLE homes (id bigint PRIMARY KEY, "
        "price bigint CONSTRAINT dear CHECK (price > 0), "
        "agent bigint REFERENCES agents)",
    )
    settings = {"to": dsn, "table": "homes", "key": "id", "progress": False}
    report = propload.ingest(ROWS, **settings)
    report.counts.verify()
    assert (report.counts.inserted, report.counts.rejected) == (30, 90)
    return report


def mend(frame):
    text = pl.col("price").cast(pl.String)
    return frame.with_columns(
        price=pl.when(text == "dear").then(pl.lit("7")).otherwise(text)
    )


def test_replay_loads_fixed_rows_and_keeps_the_others(dsn, refused_run, state_dir):
    store = RejectStore(state_dir / "rejects")
    again = replay(refused_run.run_id, fix=mend, to=dsn, progress=False)
    again.counts.verify()
    # 40 were dear; the ten of them whose agent is unknown stay with the others
    assert (again.counts.read, again.counts.inserted) == (90, 30)
    assert again.counts.rejected == 60
    assert [run.run_id for run in store.runs()] == [again.run_id]

    run_sql(dsn, "INSERT INTO agents VALUES (3)")
    third = replay(again.run_id, fix=mend, to=dsn, progress=False)
    third.counts.verify()
    assert third.counts.rejected == 40
    assert set(propload.rejects(state_dir=state_dir)["price"]) == {"-5"}

    run_sql(dsn, "ALTER TABLE homes DROP CONSTRAINT dear")
    last = replay(to=dsn, progress=False)
    last.counts.verify()
    assert (last.counts.inserted, last.counts.rejected) == (40, 0)
    assert store.runs() == []
    assert ask(dsn, "SELECT count(*), count(DISTINCT id) FROM homes") == [(120, 120)]
    assert ask(dsn, "SELECT count(*) FROM homes WHERE price = 7") == [(40,)]


def test_failed_replay_keeps_every_rejected_row(dsn, refused_run, state_dir):
    before = propload.rejects(refused_run.run_id, state_dir=state_dir)

    def broken(frame):
        msg = "the fix is broken"
        raise ValueError(msg)

    with pytest.raises((ValueError, propload.PropLoadError), match="broken"):
        replay(refused_run.run_id, fix=broken, to=dsn, progress=False)
    assert propload.rejects(refused_run.run_id, state_dir=state_dir).equals(before)


def test_replayed_rows_keep_their_own_columns_and_types(dsn, state_dir, tmp_path):
    """A column that a row never had does not erase its stored value."""
    run_sql(
        dsn,
        "CREATE TABLE homes (id bigint PRIMARY KEY, title text, price bigint, "
        "picture bytea, notes jsonb, agent bigint CONSTRAINT known CHECK (agent > 0))",
        "INSERT INTO homes (id, title, price) VALUES (1, 'one', 100), (2, 'two', 200)",
    )
    settings = {"to": dsn, "table": "homes", "key": "id", "progress": False}
    prices, homes = tmp_path / "prices.csv", tmp_path / "homes.parquet"
    prices.write_text("id,price,agent\n1,110,0\n")
    home = {"id": 2, "title": "zwei", "picture": b"\x00\xff", "notes": {"a": [1, None]}}
    pl.DataFrame([home | {"agent": -1}]).write_parquet(homes)
    refused_run = propload.ingest([prices, homes], **settings)
    assert refused_run.counts.rejected == 2
    run_sql(dsn, "ALTER TABLE homes DROP CONSTRAINT known")
    again = replay(refused_run.run_id, to=dsn, progress=False)
    again.counts.verify()
    assert again.counts.updated == 2
    stored = "SELECT id, title, price, picture::text, notes::text FROM homes ORDER BY 1"
    assert ask(dsn, stored) == [
        (1, "one", 110, None, None),
        (2, "zwei", 200, "\\x00ff", '{"a": [1, null]}'),
    ]


def test_rows_rejected_by_a_replace_are_added_to_those_it_loaded(dsn, state_dir):
    settings = {"to": dsn, "table": "homes", "key": "id", "progress": False}
    propload.ingest([{"id": 1, "price": 1}, {"id": 9, "price": 9}], **settings)
    rows = [
        {"id": 1, "price": "2"},
        {"id": 2, "price": "dear"},
        {"id": 3, "price": "3"},
    ]
    refused_run = propload.ingest(rows, mode="replace", **settings)
    assert (refused_run.counts.inserted, refused_run.counts.rejected) == (2, 1)
    again = replay(fix=mend, to=dsn, progress=False)
    assert again.counts.inserted == 1
    assert ask(dsn, "SELECT * FROM homes ORDER BY 1") == [(1, 2), (2, 7), (3, 3)]


def test_rows_are_only_replayed_into_the_database_that_rejected_them(
    dsn, refused_run, state_dir, monkeypatch
):
    other = dsn.replace(urlsplit(dsn).path, "/postgres")
    monkeypatch.setenv("PROPLOAD_TO", other)
    with pytest.raises(ConfigError, match=r"rejected by .*/faults.* would now go to"):
        replay(refused_run.run_id, fix=mend, progress=False)
    monkeypatch.setenv("PROPLOAD_TO", dsn)
    assert replay(refused_run.run_id, fix=mend, progress=False).counts.inserted == 30


def test_replayed_rows_keep_their_as_of_moment(dsn, state_dir, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,price\n1,dear\n2,5\n")
    moment = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    os.utime(path, (moment.timestamp(),) * 2)
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        'id = { parse = "integer" }\nprice = { parse = "integer" }\n'
        'seen = { context = "as_of" }\n'
    )
    settings = {"to": dsn, "table": "homes", "key": "id", "progress": False}
    refused_run = propload.ingest(path, mapping=mapping, **settings)
    assert refused_run.counts.rejected == 1
    replay(fix=mend, to=dsn, progress=False).counts.verify()
    assert ask(dsn, "SELECT id, price, seen FROM homes ORDER BY 1") == [
        (1, 7, moment),
        (2, 5, moment),
    ]


@pytest.fixture
def appended(dsn):
    """Append rows of which every second one is rejected; return report and settings."""
    run_sql(dsn, "CREATE TABLE homes (id bigint, price bigint)")
    settings = {"to": dsn, "mode": "append", "batch_rows": 50, "workers": 2}
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(1_000)]
    report = propload.ingest(rows, table="homes", **settings)
    assert (report.counts.inserted, report.counts.rejected) == (500, 500)
    return report, settings


def assert_every_row_is_stored_once(dsn):
    count_rows = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, count_rows) == [(1_000, 1_000)]


def mend_but_one(frame):
    is_last = pl.col("id") == 999
    price = pl.when(is_last).then(pl.lit("x")).otherwise("price")
    return mend(frame).with_columns(price=price)


def test_stopped_replay_continues_and_adds_no_row_twice(dsn, appended):
    report, settings = appended
    with pytest.raises(RejectLimitError) as caught:
        replay(report.run_id, fix=mend_but_one, max_rejects=0, **settings)
    first = "To continue: fix that, then "
    again = f"{first}propload rejects replay {report.run_id}, with the same other"
    assert again in str(caught.value)
    [(stored,)] = ask(dsn, "SELECT count(*) FROM homes")
    assert stored > 500
    again = replay(report.run_id, fix=mend_but_one, **settings)
    assert again.counts.read == 500
    replay(fix=lambda frame: frame.with_columns(price=pl.lit("7")), **settings)
    assert_every_row_is_stored_once(dsn)


def test_stopped_replay_by_key_may_start_over_with_other_settings(
    dsn, refused_run, state_dir
):
    with pytest.raises(RejectLimitError):
        replay(refused_run.run_id, fix=mend, to=dsn, max_rejects=0)
    again = replay(refused_run.run_id, fix=mend, to=dsn, on_new_columns="ignore")
    assert again.counts.read == 90
    assert again.run_id != refused_run.run_id


def test_replay_killed_at_its_end_is_not_repeated(
    dsn, appended, state_dir, monkeypatch
):
    report, settings = appended
    store = RejectStore(state_dir / "rejects")

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RejectStore, "keep", kill)
        with pytest.raises(KeyboardInterrupt):
            replay(report.run_id, fix=mend, **settings)
    assert [run.run_id for run in store.runs()] == [report.run_id]
    with pytest.raises(ConfigError, match="were loaded by its replay"):
        replay(report.run_id, fix=mend, **settings)
    assert store.runs() == []
    assert_every_row_is_stored_once(dsn)


def test_stopped_replay_does_not_continue_with_another_fix(dsn, appended, state_dir):
    report, settings = appended
    with pytest.raises(RejectLimitError):
        replay(report.run_id, fix=mend_but_one, max_rejects=0, **settings)
    stored = ask(dsn, "SELECT count(*) FROM homes")
    export = f"propload rejects export {report.run_id} --output FILE"
    with pytest.raises(ConfigError, match=f"with another fix.*{export}"):
        replay(report.run_id, fix=mend, **settings)
    assert ask(dsn, "SELECT count(*) FROM homes") == stored
    assert replay(report.run_id, fix=mend_but_one, **settings).counts.rejected == 1


def test_stopped_replay_that_added_nothing_accepts_another_fix(dsn, appended):
    report, settings = appended
    with pytest.raises(RejectLimitError):
        # no row is fixed, so none is added
        replay(report.run_id, max_rejects=0, **settings)
    assert replay(report.run_id, fix=mend, **settings).counts.inserted == 500
    assert_every_row_is_stored_once(dsn)


def test_error_for_a_replay_that_cannot_continue_advises_to_export(
    dsn, appended, state_dir
):
    report, settings = appended
    with pytest.raises(RejectLimitError):
        replay(report.run_id, fix=mend_but_one, max_rejects=0, **settings)
    export = (
        f"load what is missing from a file .propload rejects export {report.run_id}"
    )
    with pytest.raises(ConfigError, match=f"with its own, or {export} --output"):
        replay(report.run_id, fix=mend_but_one, newest="price", **settings)
    run_sql(dsn, "TRUNCATE homes")
    with pytest.raises(ConfigError, match=f"has since been emptied: {export}"):
        replay(report.run_id, fix=mend_but_one, **settings)


MENDING = """
import polars as pl

def fix(frame):
    return frame.with_columns(price=pl.lit("7"))
"""


def test_killed_replay_is_continued_by_the_command_that_runs_show_names(
    dsn, appended, tmp_path, state_dir
):
    report, _ = appended
    (tmp_path / "mending.py").write_text(MENDING)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    run_sql(dsn, *SLOW_LEDGER)
    flags = ["--fix", "mending:fix", "--to", dsn]
    commits_before = commits_of(dsn)
    with loading.start("rejects", "replay", *flags, PYTHONPATH=path) as process:
        wait_until(lambda: commits_of(dsn) >= commits_before + 2)
        process.kill()
    [killed] = UnfinishedRunStore(state_dir / "runs").newest()
    assert (killed.way, killed.replayed) == ("replay", report.run_id)
    with loading.start("runs", "show", killed.run_id) as process:
        assert process.wait() == 0
    [command] = re.findall("to continue: propload (.*), with the same", process.printed)
    assert command == f"rejects replay {report.run_id}"
    again = [*command.split(), *flags, "--json"]
    with loading.start(*again, PYTHONPATH=path) as process:
        printed = process.report()
    assert printed["run_id"] == killed.run_id
    assert loading.counts_of(printed).inserted == 500
    assert_every_row_is_stored_once(dsn)


def test_note_of_a_killed_replay_is_dropped_with_the_rows_it_replayed(
    dsn, refused_run, state_dir
):
    moment = dt.datetime(2026, 7, 4, 12, tzinfo=dt.UTC)
    killed = UnfinishedRun(
        "20260704T120000-bb1",
        f"rejects of {refused_run.run_id}",
        refused_run.target,
        moment,
        4711,
        "replay",
        refused_run.run_id,
    )
    other = dataclasses.replace(
        killed, run_id="20260704T120000-bb2", replayed="20260704T110000-aa1"
    )
    for one in (killed, other):
        path = state_dir / "runs" / f"{one.run_id}.begun"
        path.write_text(json.dumps(one.as_dict()), encoding="utf-8")
    replay(refused_run.run_id, fix=mend, to=dsn, progress=False)
    unfinished = UnfinishedRunStore(state_dir / "runs").newest()
    assert [one.run_id for one in unfinished] == [other.run_id]


def test_rejects_of_a_running_load_are_neither_replayed_nor_dropped(
    dsn, appended, state_dir
):
    report, settings = appended
    store = RejectStore(state_dir / "rejects")
    with store.locked(report.run_id):
        with pytest.raises(LockedError, match="is still running"):
            replay(report.run_id, **settings)
        with pytest.raises(LockedError, match="is still running"):
            store.drop(report.run_id)
    replay(report.run_id, fix=mend, **settings)
    assert_every_row_is_stored_once(dsn)


def test_replay_asks_for_a_schema_that_was_a_python_object(dsn, state_dir):
    class Dear(pa.DataFrameModel):
        price: int = pa.Field(gt=10)

    settings = {"to": dsn, "table": "homes", "key": "id"}
    rows = [{"id": n, "price": n} for n in range(20)]
    report = propload.ingest(rows, schema=Dear, **settings)
    assert report.counts.rejected == 11
    with pytest.raises(ConfigError, match="its schema as a Python object"):
        replay(report.run_id, to=dsn)
    assert replay(report.run_id, to=dsn, schema=Dear).counts.rejected == 11


def test_replay_of_a_run_without_a_report_needs_the_table(dsn, appended, state_dir):
    report, settings = appended
    (state_dir / "runs" / f"{report.run_id}.json").unlink()
    with pytest.raises(ConfigError, match="specify which table"):
        replay(report.run_id, fix=mend, **settings)
    replay(report.run_id, fix=mend, table="homes", **settings)
    assert_every_row_is_stored_once(dsn)


def test_replay_succeeds_even_if_its_rejects_cannot_be_dropped(
    dsn, refused_run, state_dir, monkeypatch, caplog
):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("propload.rejecting.store.open_private", refuse)
        again = replay(refused_run.run_id, fix=mend, to=dsn, progress=False)
    assert (again.status, again.counts.inserted) == ("loaded", 30)
    assert "the rejected rows stay" in caplog.text
    # as they have a key, replaying them once more changes nothing
    once_more = replay(refused_run.run_id, fix=mend, to=dsn, progress=False)
    assert (once_more.counts.inserted, once_more.counts.unchanged) == (0, 30)
