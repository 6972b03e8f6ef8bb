"""Rejected rows of an unfinished run are added once, whichever is continued first."""

import polars as pl
import pytest

import propload
from propload.errors import ConfigError, LoadError, RejectLimitError
from propload.rejecting import RejectStore
from tests.integration.killed_replays import kill_at_its_end
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

#: Makes a load fail at a row, as a broken disk of the server would.
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
def settings(database):
    return {"to": database, "table": "homes", "mode": "append", "batch_rows": 50}


@pytest.fixture
def fail_at(database, listings, settings):
    """Return a function that makes a load fail at a row, then lifts the fault."""

    def fail_at(row):
        unique = "PRIMARY KEY" if "key" in settings else ""
        run_sql(database, f"CREATE TABLE homes (id bigint {unique}, price bigint)")
        run_sql(database, DENY, ON_ROW.format(row=row))
        with pytest.raises(LoadError, match="the disk is broken") as caught:
            propload.ingest(listings, **settings)
        run_sql(database, "DROP TRIGGER deny ON homes")
        return caught.value.report

    return fail_at


def assert_every_row_is_stored_once(database):
    stored = read_table(database, "homes")
    assert (stored.height, stored["id"].n_unique()) == (ROWS, ROWS)


def test_rejects_of_uncommitted_batches_wait_for_their_run(
    database, fail_at, listings, settings, state_dir, caplog
):
    failed = fail_at(row=300)
    store = RejectStore(state_dir / "rejects")
    before = propload.rejects(failed.run_id).height
    first = propload.replay(failed.run_id, fix=mend, to=database)
    assert 0 < first.counts.inserted < before
    assert propload.rejects(failed.run_id).height == before - first.counts.read
    assert f"run {failed.run_id} stay, being of batches that it has not" in caplog.text
    propload.ingest(listings, resume=failed.run_id, **settings)
    propload.replay(failed.run_id, fix=mend, to=database)
    assert_every_row_is_stored_once(database)
    assert store.runs() == []


def test_rejects_of_a_killed_run_without_a_report_are_added_once(
    database, fail_at, listings, settings, state_dir
):
    failed = fail_at(row=300)
    (state_dir / "runs" / f"{failed.run_id}.json").unlink()
    propload.replay(failed.run_id, fix=mend, **settings)
    propload.ingest(listings, resume=failed.run_id, **settings)
    propload.replay(failed.run_id, fix=mend, to=database)
    assert_every_row_is_stored_once(database)


def test_replay_is_refused_if_no_batch_is_committed(
    database, fail_at, listings, settings
):
    settings["workers"] = 1
    failed = fail_at(row=0)
    assert (failed.counts.inserted, failed.counts.rejected > 0) == (0, True)
    message = f"not committed: continue the run first.*runs show {failed.run_id}"
    with pytest.raises(ConfigError, match=message):
        propload.replay(failed.run_id, fix=mend, to=database)
    assert read_table(database, "homes").is_empty()
    loaded = propload.ingest(listings, **settings)
    propload.replay(loaded.run_id, fix=mend, to=database)
    assert_every_row_is_stored_once(database)


def test_rejects_of_an_upsert_are_replayed_before_their_run_ends(
    database, fail_at, listings, settings
):
    settings |= {"mode": "upsert", "key": "id"}
    failed = fail_at(row=300)
    again = propload.replay(failed.run_id, fix=mend, to=database)
    assert again.counts.inserted == failed.counts.rejected
    propload.ingest(listings, resume=failed.run_id, **settings)
    propload.replay(failed.run_id, fix=mend, to=database)
    assert_every_row_is_stored_once(database)


def test_rejects_of_an_unfinished_replace_wait_for_its_recovery(
    database, settings, state_dir
):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    run_sql(database, "INSERT INTO homes VALUES (7, 7)")
    settings |= {"mode": "replace", "key": "id", "batch_rows": 2}

    def rows():
        yield from ({"id": n, "price": "dear" if n % 2 else "1"} for n in range(8))
        msg = "the site is gone"
        raise OSError(msg)

    with pytest.raises(Exception, match="the site is gone"):
        propload.ingest(rows(), **settings)
    [rejects] = RejectStore(state_dir / "rejects").runs()
    with pytest.raises(ConfigError, match="was to replace its table and has not"):
        propload.replay(rejects.run_id, fix=mend, to=database)
    [recovered] = propload.recover(rejects.run_id, to=database)
    assert recovered.counts.inserted == 4
    again = propload.replay(rejects.run_id, fix=mend, to=database)
    assert again.counts.inserted == 4
    assert sorted(read_table(database, "homes")["id"]) == list(range(8))


def mend_otherwise(frame):
    return mend(frame)


@pytest.mark.parametrize("fix", [mend, mend_otherwise])
def test_rows_of_a_killed_replay_are_not_added_again_after_their_run(
    fix, database, fail_at, listings, settings, state_dir, monkeypatch, caplog
):
    failed = fail_at(row=300)
    kill_at_its_end(monkeypatch, failed.run_id, fix=mend, to=database)
    added = read_table(database, "homes").filter(price=7).height
    assert added > 0
    # the run rejects more rows, so that the file of rejects changes
    propload.ingest(listings, resume=failed.run_id, **settings)
    again = propload.replay(failed.run_id, fix=fix, to=database)
    assert again.counts.inserted == ROWS // 2 - added
    assert f"rejected rows ({added}) of run {failed.run_id} were loaded" in caplog.text
    assert_every_row_is_stored_once(database)
    assert RejectStore(state_dir / "rejects").runs() == []


def test_unfinished_replay_continues_with_the_rows_it_began_with(
    database, fail_at, listings, settings, state_dir, caplog
):
    failed = fail_at(row=300)
    with pytest.raises(RejectLimitError):
        propload.replay(failed.run_id, fix=mend_but_one, to=database, max_rejects=0)
    assert read_table(database, "homes").filter(price=7).height > 0
    propload.ingest(listings, resume=failed.run_id, **settings)
    first = propload.replay(failed.run_id, fix=mend_but_one, to=database)
    left = propload.rejects(failed.run_id).height
    assert (first.counts.rejected, left) == (1, ROWS // 2 - first.counts.read)
    assert f"{left} rejected rows of run {failed.run_id} stay" in caplog.text
    propload.replay(failed.run_id, fix=mend_but_one, to=database)
    propload.replay(first.run_id, fix=mend, to=database)
    assert_every_row_is_stored_once(database)


def test_replayed_rows_a_full_disk_kept_are_not_added_with_later_ones(
    database, fail_at, listings, settings, state_dir, monkeypatch
):
    failed = fail_at(row=300)
    kill_at_its_end(monkeypatch, failed.run_id, fix=mend, to=database)
    propload.ingest(listings, resume=failed.run_id, **settings)
    stored = read_table(database, "homes").height

    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("propload.rejecting.store.open_private", refuse)
        with pytest.raises(ConfigError, match="separated from 350 rows that"):
            propload.replay(failed.run_id, fix=mend, to=database)
    assert read_table(database, "homes").height == stored
    propload.replay(failed.run_id, fix=mend, to=database)
    assert_every_row_is_stored_once(database)


@pytest.mark.parametrize("removal", ["replayed", "dropped"])
def test_resumed_run_notes_that_earlier_rejects_were_removed(
    database, fail_at, listings, settings, removal
):
    failed = fail_at(row=300)
    if removal == "replayed":
        propload.replay(failed.run_id, fix=mend, to=database)
    else:
        propload.drop_rejects(failed.run_id)
    report = propload.ingest(listings, resume=failed.run_id, **settings)
    assert report.counts.rejected == ROWS // 2
    [reason] = report.reasons_counted
    removed = report.counts.rejected - reason.rows
    assert removed == 150
    message = (
        f"{removed} rejected rows of earlier processes of this run were replayed or"
    )
    assert [message in note for note in report.notes].count(True) == 1


def test_resumed_run_notes_no_removed_rejects_if_all_are_there(
    fail_at, listings, settings
):
    failed = fail_at(row=300)
    report = propload.ingest(listings, resume=failed.run_id, **settings)
    assert sum(one.rows for one in report.reasons_counted) == report.counts.rejected
    assert not any("rejected row" in note for note in report.notes)
