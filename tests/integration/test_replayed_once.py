"""Rejected rows that a replay has added are not added by a later one."""

import polars as pl
import pytest

import propload
from propload.errors import ConfigError
from propload.rejecting import RejectStore
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def mend(frame):
    return frame.with_columns(price=pl.lit("7"))


def mend_otherwise(frame):
    return frame.with_columns(price=pl.lit("8"))


@pytest.mark.parametrize("fix", [mend, mend_otherwise])
def test_rows_that_a_full_disk_did_not_forget_are_not_added_again(
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
