"""Rejected rows of a run that has more to load are added once, whatever comes first."""

import polars as pl
import pytest

import propload
from propload.errors import ConfigError, LoadError, RejectLimitError
from propload.rejecting import RejectStore
from tests.integration.killed_replays import kill_at_its_end
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

#: Ends a load at a row, as a broken disk of the server's would.
DENY = """
CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE system_error USING MESSAGE = 'the disk is broken';
END $$"""
ON_ROW = """
CREATE TRIGGER deny BEFORE INSERT ON homes FOR EACH ROW WHEN (NEW.id = {row})
EXECUTE FUNCTION deny()"""
ROWS = 1_000


def mend(frame):
    return frame.with_columns(price=pl.lit("7"))


def mend_but_one(frame):
    price = pl.when(pl.col("id") == "199").then(pl.lit("x")).otherwise(pl.lit("7"))
    return frame.with_columns(price=price)


@pytest.fixture
def listings(tmp_path):
    path = tmp_path / "listings.csv"
    lines = (f"{n},{'dear' if n % 2 else 1}\n" for n in range(ROWS))
    path.write_text("id,price\n" + "".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def told(database):
    return {"to": database, "table": "homes", "mode": "append", "batch_rows": 50}


@pytest.fixture
def fail(database, listings, told):
    """Return what begins a load that ends at a row, and then mends the server."""

    def fail(row):
        unique = "PRIMARY KEY" if "key" in told else ""
        run_sql(database, f"CREATE TABLE homes (id bigint {unique}, price bigint)")
        run_sql(database, DENY, ON_ROW.format(row=row))
        with pytest.raises(LoadError, match="the disk is broken") as caught:
            propload.ingest(listings, **told)
        run_sql(database, "DROP TRIGGER deny ON homes")
        return caught.value.report

    return fail


def assert_all_are_there_once(database):
    stored = read_table(database, "homes")
    assert (stored.height, stored["id"].n_unique()) == (ROWS, ROWS)


def test_rows_of_batches_that_are_not_committed_wait_for_their_run(
    database, fail, listings, told, state_dir, caplog
):
    failed = fail(row=300)
    store = RejectStore(state_dir / "rejects")
    before = propload.rejects(failed.run_id).height
    first = propload.replay(failed.run_id, fix=mend, to=database)
    assert 0 < first.counts.inserted < before
    assert propload.rejects(failed.run_id).height == before - first.counts.read
    assert f"run {failed.run_id} stay, being of batches that it has not" in caplog.text
    propload.ingest(listings, resume=failed.run_id, **told)
    propload.replay(failed.run_id, fix=mend, to=database)
    assert_all_are_there_once(database)
    assert store.runs() == []


def test_a_killed_run_without_a_report_is_no_other(
    database, fail, listings, told, state_dir
):
    failed = fail(row=300)
    (state_dir / "runs" / f"{failed.run_id}.json").unlink()
    propload.replay(failed.run_id, fix=mend, **told)
    propload.ingest(listings, resume=failed.run_id, **told)
    propload.replay(failed.run_id, fix=mend, to=database)
    assert_all_are_there_once(database)


def test_where_no_batch_is_committed_no_row_is_replayed(database, fail, listings, told):
    told["workers"] = 1
    failed = fail(row=0)
    assert (failed.counts.inserted, failed.counts.rejected > 0) == (0, True)
    named = f"not committed: continue the run first.*runs show {failed.run_id}"
    with pytest.raises(ConfigError, match=named):
        propload.replay(failed.run_id, fix=mend, to=database)
    assert read_table(database, "homes").is_empty()
    loaded = propload.ingest(listings, **told)
    propload.replay(loaded.run_id, fix=mend, to=database)
    assert_all_are_there_once(database)


def test_rows_that_are_written_by_their_key_need_not_wait(
    database, fail, listings, told
):
    told |= {"mode": "upsert", "key": "id"}
    failed = fail(row=300)
    again = propload.replay(failed.run_id, fix=mend, to=database)
    assert again.counts.inserted == failed.counts.rejected
    propload.ingest(listings, resume=failed.run_id, **told)
    propload.replay(failed.run_id, fix=mend, to=database)
    assert_all_are_there_once(database)


def test_rows_of_a_replace_that_has_not_replaced_do_not_go_with_the_old_ones(
    database, told, state_dir
):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    run_sql(database, "INSERT INTO homes VALUES (7, 7)")
    told |= {"mode": "replace", "key": "id", "batch_rows": 2}

    def rows():
        yield from ({"id": n, "price": "dear" if n % 2 else "1"} for n in range(8))
        msg = "the site is gone"
        raise OSError(msg)

    with pytest.raises(Exception, match="the site is gone"):
        propload.ingest(rows(), **told)
    [refused] = RejectStore(state_dir / "rejects").runs()
    with pytest.raises(ConfigError, match="was to replace its table and has not"):
        propload.replay(refused.run_id, fix=mend, to=database)
    [recovered] = propload.recover(refused.run_id, to=database)
    assert recovered.counts.inserted == 4
    again = propload.replay(refused.run_id, fix=mend, to=database)
    assert again.counts.inserted == 4
    assert sorted(read_table(database, "homes")["id"]) == list(range(8))


def mend_otherwise(frame):
    return mend(frame)


@pytest.mark.parametrize("fix", [mend, mend_otherwise])
def test_rows_of_a_replay_that_was_killed_at_its_end_are_not_added_after_their_run(
    fix, database, fail, listings, told, state_dir, monkeypatch, caplog
):
    failed = fail(row=300)
    kill_at_its_end(monkeypatch, failed.run_id, fix=mend, to=database)
    added = read_table(database, "homes").filter(price=7).height
    assert added > 0
    # the run rejects more rows, so that the file is another one
    propload.ingest(listings, resume=failed.run_id, **told)
    again = propload.replay(failed.run_id, fix=fix, to=database)
    assert again.counts.inserted == ROWS // 2 - added
    assert f"rejected rows ({added}) of run {failed.run_id} were loaded" in caplog.text
    assert_all_are_there_once(database)
    assert RejectStore(state_dir / "rejects").runs() == []


def test_a_replay_that_has_not_finished_goes_on_with_the_rows_that_it_began_with(
    database, fail, listings, told, state_dir, caplog
):
    failed = fail(row=300)
    with pytest.raises(RejectLimitError):
        propload.replay(failed.run_id, fix=mend_but_one, to=database, max_rejects=0)
    assert read_table(database, "homes").filter(price=7).height > 0
    propload.ingest(listings, resume=failed.run_id, **told)
    first = propload.replay(failed.run_id, fix=mend_but_one, to=database)
    left = propload.rejects(failed.run_id).height
    assert (first.counts.rejected, left) == (1, ROWS // 2 - first.counts.read)
    assert f"{left} rejected rows of run {failed.run_id} stay" in caplog.text
    propload.replay(failed.run_id, fix=mend_but_one, to=database)
    propload.replay(first.run_id, fix=mend, to=database)
    assert_all_are_there_once(database)


def test_rows_that_the_disk_does_not_forget_are_not_added_with_later_ones(
    database, fail, listings, told, state_dir, monkeypatch
):
    failed = fail(row=300)
    kill_at_its_end(monkeypatch, failed.run_id, fix=mend, to=database)
    propload.ingest(listings, resume=failed.run_id, **told)
    stored = read_table(database, "homes").height

    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("propload.rejecting.store.open_private", refuse)
        with pytest.raises(ConfigError, match="separated from 350 rows that"):
            propload.replay(failed.run_id, fix=mend, to=database)
    assert read_table(database, "homes").height == stored
    propload.replay(failed.run_id, fix=mend, to=database)
    assert_all_are_there_once(database)


@pytest.mark.parametrize("way", ["replayed", "dropped"])
def test_reasons_that_went_before_a_run_went_on_are_told_to_have_gone(
    database, fail, listings, told, way
):
    failed = fail(row=300)
    if way == "replayed":
        propload.replay(failed.run_id, fix=mend, to=database)
    else:
        propload.drop_rejects(failed.run_id)
    report = propload.ingest(listings, resume=failed.run_id, **told)
    assert report.counts.rejected == ROWS // 2
    [reason] = report.reasons_counted
    gone = report.counts.rejected - reason.rows
    assert gone == 150
    said = f"{gone} rejected rows of earlier processes of this run were replayed or"
    assert [said in note for note in report.notes].count(True) == 1


def test_a_run_that_goes_on_with_all_its_reasons_tells_of_none_that_went(
    fail, listings, told
):
    failed = fail(row=300)
    report = propload.ingest(listings, resume=failed.run_id, **told)
    assert sum(one.rows for one in report.reasons_counted) == report.counts.rejected
    assert not any("rejected row" in note for note in report.notes)
