"""A journal of a run whose ledger is out of sight doubles no row and drops none."""

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
def begun(database):
    """Leave a journal of rows of which one lane has committed its own."""

    def leave(mode):
        run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
        guard(database, "homes", IDS[0], until="lane = 1")
        rows = ({"id": one, "v": "x"} for one in IDS)
        told = {"mode": mode, "key": "id", "workers": 2, "progress": False}
        with pytest.raises(LoadError, match="the guard is shut"):
            propload.ingest(rows, to=database, table="homes", **told)
        open_guard(database)
        if mode == "append":
            # so that it takes a row twice
            run_sql(database, "ALTER TABLE homes DROP CONSTRAINT homes_pkey")
        [left] = leftovers()
        return left.run_id

    return leave


@pytest.fixture
def limited(database):
    """A user who may write the table and not look into the ledger. Value: the DSN."""
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


def test_rows_are_not_added_again_by_who_may_not_read_the_ledger(
    database, begun, limited
):
    run = begun("append")
    before = stored(database)
    assert before
    with pytest.raises(ConfigError, match=r"ledger.*propload recover --drop"):
        recover(run, to=limited())
    assert stored(database) == before
    # who may read it goes on
    recover(run, to=database)
    assert stored(database) == sorted(IDS)


def test_a_ledger_that_was_dropped_is_told_with_what_to_do(
    database, begun, state_dir, monkeypatch
):
    run = begun("append")
    before = stored(database)
    run_sql(database, "DROP SCHEMA propload CASCADE")
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    told = rf"\(propload recover --drop {run} --state-dir {state_dir}\)"
    with pytest.raises(ConfigError, match=rf"ledger.*{told}"):
        recover(run, to=database, state_dir=state_dir)
    monkeypatch.setenv("PROPLOAD_STATE_DIR", str(state_dir))
    assert stored(database) == before
    assert drop_leftover(run) == len(IDS)


@pytest.mark.parametrize("mode", ["upsert", "insert-new", "replace"])
def test_rows_that_are_written_by_their_key_are_written_again(database, begun, mode):
    run = begun(mode)
    run_sql(database, "DROP SCHEMA propload CASCADE")
    [report] = recover(run, to=database)
    assert report.counts.read == len(IDS)
    assert stored(database) == sorted(IDS)


def test_a_journal_of_a_run_that_no_ledger_ever_held_is_loaded(database):
    run_sql(database, "CREATE TABLE homes (id int)")
    told = {"to": database, "table": "homes", "mode": "append", "progress": False}
    with pytest.raises(LoadError):
        propload.ingest(({"id": one, "extra": 1} for one in IDS), **told)
    [left] = leftovers()
    recover(left.run_id, to=database, on_new_columns="ignore")
    assert stored(database) == sorted(IDS)
