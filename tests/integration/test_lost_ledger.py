"""A journal whose run no readable ledger holds: no row is doubled or lost."""

import pytest

import propload
from propload.earlier_runs.leftover_journals import drop_leftover, leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import ConfigError, LoadError
from propload.postgres.session.dsn import parse_dsn
from tests.integration.partial_runs import guard, ids_by_lane, open_guard
from tests.integration.reading import read_table, run_sql

pytestmark = pytest.mark.timeout(120)

IDS = [one for pair in zip(*ids_by_lane(), strict=False) for one in pair][:4]


@pytest.fixture
def leave_partial_run(database):
    """Return a function that leaves a journal; one lane has committed its rows."""

    def leave(mode):
        run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
        guard(database, "homes", IDS[0], until="lane = 1")
        rows = ({"id": one, "v": "x"} for one in IDS)
        settings = {"mode": mode, "key": "id", "workers": 2, "progress": False}
        with pytest.raises(LoadError, match="the guard is shut"):
            propload.ingest(rows, to=database, table="homes", **settings)
        open_guard(database)
        if mode == "append":
            # so that it accepts a row twice
            run_sql(database, "ALTER TABLE homes DROP CONSTRAINT homes_pkey")
        [left] = leftovers()
        return left.run_id

    return leave


@pytest.fixture
def limited_dsn(database):
    """Return a function that gives the DSN of a user who cannot read the ledger."""
    name = "propload_no_ledger"
    run_sql(database, f"CREATE ROLE {name} LOGIN")

    def grant():
        run_sql(database, f"GRANT SELECT, INSERT ON homes TO {name}")
        parts = parse_dsn(database) | {"user": name}
        return " ".join(f"{key}={value}" for key, value in parts.items())

    yield grant
    run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def stored(database):
    return read_table(database, "homes")["id"].sort().to_list()


def test_appended_rows_are_not_recovered_without_access_to_the_ledger(
    database, leave_partial_run, limited_dsn
):
    run = leave_partial_run("append")
    before = stored(database)
    assert before
    with pytest.raises(ConfigError, match=r"ledger.*propload recover --drop"):
        recover(run, to=limited_dsn())
    assert stored(database) == before
    # a user who may read it can recover the rest
    recover(run, to=database)
    assert stored(database) == sorted(IDS)


def test_error_after_dropped_ledger_says_how_to_drop_the_journal(
    database, leave_partial_run, state_dir, monkeypatch
):
    run = leave_partial_run("append")
    before = stored(database)
    run_sql(database, "DROP SCHEMA propload CASCADE")
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    command = rf"\(propload recover --drop {run} --state-dir {state_dir}\)"
    with pytest.raises(ConfigError, match=rf"ledger.*{command}"):
        recover(run, to=database, state_dir=state_dir)
    monkeypatch.setenv("PROPLOAD_STATE_DIR", str(state_dir))
    assert stored(database) == before
    assert drop_leftover(run) == len(IDS)


@pytest.mark.parametrize("mode", ["upsert", "insert-new", "replace"])
def test_rows_with_a_key_are_recovered_again_without_a_ledger(
    database, leave_partial_run, mode
):
    run = leave_partial_run(mode)
    run_sql(database, "DROP SCHEMA propload CASCADE")
    [report] = recover(run, to=database)
    assert report.counts.read == len(IDS)
    assert stored(database) == sorted(IDS)


def test_journal_of_a_run_that_was_never_in_a_ledger_is_loaded(database):
    run_sql(database, "CREATE TABLE homes (id int)")
    settings = {"to": database, "table": "homes", "mode": "append", "progress": False}
    with pytest.raises(LoadError):
        propload.ingest(({"id": one, "extra": 1} for one in IDS), **settings)
    [left] = leftovers()
    recover(left.run_id, to=database, on_new_columns="ignore")
    assert stored(database) == sorted(IDS)
