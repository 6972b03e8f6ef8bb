"""Rejected rows that a replay has added are not added again by a later one."""

import polars as pl
import pytest

import propload
from propload.errors import ConfigError, RejectLimitError
from propload.rejecting import RejectStore
from tests.integration.killed_replays import kill_at_its_end
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def mend(frame):
    return frame.with_columns(price=pl.lit("7"))


def mend_otherwise(frame):
    return frame.with_columns(price=pl.lit("8"))


@pytest.mark.parametrize("fix", [mend, mend_otherwise])
def test_replayed_rows_that_a_full_disk_kept_are_not_added_again(
    fix, database, state_dir, monkeypatch, caplog
):
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint)")
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(10)]
    report = propload.ingest(rows, to=database, table="homes", mode="append")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(RejectStore, "keep", refuse)
        propload.replay(report.run_id, fix=mend, to=database)
        assert "the rejected rows stay" in caplog.text
        with pytest.raises(ConfigError, match="were loaded by its replay"):
            propload.replay(report.run_id, fix=fix, to=database)
    with pytest.raises(ConfigError, match="were loaded by its replay"):
        propload.replay(report.run_id, fix=fix, to=database)
    stored = read_table(database, "homes")
    assert sorted(stored["id"]) == list(range(10))
    assert stored["price"].max() == 7
    assert RejectStore(state_dir / "rejects").runs() == []


def test_rows_edited_after_their_replay_are_not_added_again(
    database, state_dir, monkeypatch
):
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint)")
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(10)]
    report = propload.ingest(rows, to=database, table="homes", mode="append")

    path = state_dir / "rejects" / f"{report.run_id}.ndjson"
    before = path.read_text(encoding="utf-8")

    # its rows are loaded, but not removed from the rejects
    kill_at_its_end(monkeypatch, report.run_id, fix=mend, to=database)
    edited = before.replace('"dear"', '"9"', 1)
    path.write_text(edited, encoding="utf-8")
    message = f"edited since.*propload rejects drop {report.run_id}"
    with pytest.raises(ConfigError, match=message):
        propload.replay(report.run_id, fix=mend, to=database)
    assert sorted(read_table(database, "homes")["id"]) == list(range(10))
    assert path.read_text(encoding="utf-8") == edited


def test_fix_that_fails_on_a_later_file_loads_no_earlier_rows(
    database, state_dir, tmp_path
):
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint)")
    paths = [tmp_path / f"{name}.csv" for name in "abc"]
    for number, path in enumerate(paths):
        path.write_text(f"id,price\n{number},dear\n", encoding="utf-8")
    settings = {"to": database, "table": "homes", "mode": "append"}
    report = propload.ingest(paths, **settings)
    assert report.counts.rejected == len(paths)

    def fail_late(frame):
        return mend(frame if frame["id"].item() != "2" else frame.select("nothing"))

    with pytest.raises(ConfigError, match=r"fail_late failed on 1 rejected row of"):
        propload.replay(report.run_id, fix=fail_late, to=database)
    assert read_table(database, "homes").is_empty()
    # once mended it is another fix, which may start from the beginning
    propload.replay(report.run_id, fix=mend, to=database)
    assert sorted(read_table(database, "homes")["id"]) == [0, 1, 2]


def test_replay_is_not_dropped_while_the_rejects_it_loaded_remain(
    database, state_dir, monkeypatch
):
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint)")
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(10)]
    report = propload.ingest(rows, to=database, table="homes", mode="append")
    kill_at_its_end(monkeypatch, report.run_id, fix=mend, to=database)
    assert propload.drop_runs(0, to=database).runs == 1
    with pytest.raises(ConfigError, match="were loaded by its replay"):
        propload.replay(report.run_id, fix=mend, to=database)
    assert sorted(read_table(database, "homes")["id"]) == list(range(10))
    # the rows are gone, and with them the last reason to keep the replay
    assert propload.drop_runs(0, to=database).runs == 1


def test_replay_that_added_nothing_can_be_done_with_another_mapping(
    database, state_dir
):
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint)")
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(10)]
    report = propload.ingest(rows, to=database, table="homes", mode="append")
    wrong = {"id": pl.col("id"), "price": pl.col("price")}
    with pytest.raises(RejectLimitError):
        propload.replay(report.run_id, mapping=wrong, max_rejects=0, to=database)
    right = wrong | {"price": pl.lit(7)}
    again = propload.replay(report.run_id, mapping=right, to=database)
    assert (again.counts.read, again.counts.inserted) == (5, 5)
    assert sorted(read_table(database, "homes")["id"]) == list(range(10))
    assert RejectStore(state_dir / "rejects").runs() == []


def test_rejects_that_were_all_replayed_are_an_empty_frame(database, caplog):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(10)]
    report = propload.ingest(rows, to=database, table="homes", key="id")
    again = propload.replay(report.run_id, fix=mend, to=database)
    assert propload.rejects(report.run_id).is_empty()
    assert f"run {again.run_id} has replayed 5 rows" in caplog.text
    with pytest.raises(ConfigError, match=f"run {again.run_id} has replayed 5 rows"):
        propload.replay(report.run_id, fix=mend, to=database)
