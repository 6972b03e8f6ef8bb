"""Rows left in journals never block a table for good."""

import itertools
import json
import os
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

import propload
from propload.earlier_runs import recovering
from propload.earlier_runs.leftover_journals import drop_leftover, leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import ConfigError, LoadError, LockedError
from propload.journal import JournalSource, journaled_source, writing
from propload.monitoring.memory import MemoryWatch
from propload.report import TargetName
from propload.running.choosing import open_database
from propload.sources import row_batches
from propload.state.unfinished_runs import UnfinishedRun
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

ROWS = [{"id": number, "extra": number} for number in range(10)]


@pytest.fixture
def target(database):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    return {"to": database, "table": "homes"}


@pytest.fixture
def leftover(target):
    """Leave a journal of rows that do not fit the table, and return it."""
    with pytest.raises(LoadError, match="10 rows wait in the journal") as caught:
        propload.ingest(iter(ROWS), **target)
    [left] = leftovers()
    # what is configured meanwhile would not apply to it
    assert f"With other settings: propload recover {left.run_id} " in str(caught.value)
    return left


def test_error_of_a_blocked_load_names_the_ways_out(target, leftover):
    with pytest.raises(LoadError, match="has to be loaded first") as caught:
        propload.ingest([{"id": 99}], **target)
    error = str(caught.value)
    assert error.count("column extra is not in the table") == 1
    assert error.count(f"propload recover {leftover.run_id} --key ...") == 1
    assert error.count("recover --drop") == 1
    assert f"propload recover --drop {leftover.run_id})" in error
    # the report of the earlier run would be taken for that of this load
    assert caught.value.report is None


def test_recover_accepts_other_settings_than_the_run_had(target, database, leftover):
    [report] = recover(leftover.run_id, to=database, on_new_columns="ignore")
    assert report.counts.inserted == 10
    assert leftovers() == []


@pytest.fixture
def second_leftover(target, database, leftover):
    """Leave a second journal, of another table that has been mended, and return it."""
    run_sql(database, "CREATE TABLE others (id bigint PRIMARY KEY)")
    with pytest.raises(LoadError):
        propload.ingest(iter(ROWS), **{**target, "table": "others"})
    run_sql(database, "ALTER TABLE others ADD COLUMN extra bigint")
    [left] = leftovers(table="others")
    return left


def test_recover_with_a_table_recovers_only_its_journals(
    database, leftover, second_leftover
):
    [report] = recover(to=database, table="others")
    assert (report.run_id, report.target.table) == (
        second_leftover.run_id,
        "public.others",
    )
    assert read_table(database, "others").height == 10
    assert [one.run_id for one in leftovers()] == [leftover.run_id]


def test_recover_with_a_table_that_has_no_journal_does_nothing(
    database, leftover, second_leftover
):
    run_sql(database, "CREATE TABLE rx (id bigint PRIMARY KEY, extra bigint)")
    assert recover(to=database, table="rx") == []
    assert read_table(database, "rx").height == 0
    assert {one.run_id for one in leftovers()} == {
        leftover.run_id,
        second_leftover.run_id,
    }


def test_named_run_is_recovered_into_the_given_table(database, leftover):
    run_sql(database, "CREATE TABLE rx (id bigint PRIMARY KEY, extra bigint)")
    [report] = recover(leftover.run_id, to=database, table="rx")
    assert report.target.table == "public.rx"
    assert read_table(database, "rx").height == 10
    assert leftovers() == []


def test_leftovers_are_listed_by_table_and_database(
    database, leftover, second_leftover
):
    def run_ids(**settings):
        return {one.run_id for one in leftovers(**settings)}

    both = {leftover.run_id, second_leftover.run_id}
    assert run_ids() == run_ids(to=database) == run_ids(table=None) == both
    assert (
        run_ids(table="homes")
        == run_ids(to=database, table="homes")
        == {leftover.run_id}
    )
    assert run_ids(to="embedded") == run_ids(table="rx") == set()


def test_dropped_journal_no_longer_blocks_its_table(target, database, leftover):
    assert drop_leftover(leftover.run_id) == 10
    with pytest.raises(ConfigError, match="no journal of run"):
        drop_leftover(leftover.run_id)
    propload.ingest([{"id": 99}], **target)
    assert read_table(database, "homes")["id"].to_list() == [99]


def test_dropping_a_journal_removes_the_note_on_its_killed_run(leftover, state_dir):
    unfinished = UnfinishedRun(
        leftover.run_id, "list", TargetName("d", "t"), datetime.now(UTC), os.getpid()
    )
    path = state_dir / "runs" / f"{leftover.run_id}.begun"
    path.write_text(json.dumps(unfinished.as_dict()))
    drop_leftover(leftover.run_id)
    assert not path.exists()


def test_stuck_journal_does_not_block_that_of_another_table(target, database, leftover):
    run_sql(database, "CREATE TABLE others (id bigint PRIMARY KEY)")
    other = {**target, "table": "others"}
    with pytest.raises(LoadError):
        propload.ingest(iter(ROWS), **other)
    run_sql(database, "ALTER TABLE others ADD COLUMN extra bigint")
    with pytest.raises(LoadError, match="extra"):
        recover(to=database)
    assert read_table(database, "others").height == 10
    assert [one.run_id for one in leftovers()] == [leftover.run_id]


def test_journal_locked_by_another_process_does_not_block_a_load(
    target, database, leftover, monkeypatch
):
    def refuse(*_):
        msg = "it is being recovered already"
        raise LockedError(msg)

    monkeypatch.setattr("propload.earlier_runs.recovering.recover_one", refuse)
    propload.ingest([{"id": 99}], **target)
    assert read_table(database, "homes")["id"].to_list() == [99]


def test_journal_without_notes_is_skipped_with_a_warning(target, leftover, caplog):
    (leftover.folder / "about.json").write_bytes(b"")
    assert leftovers() == []
    assert str(leftover.folder) in caplog.text
    propload.ingest([{"id": 99}], **target)


@pytest.mark.parametrize("action", [recover, drop_leftover])
def test_journal_in_use_is_reported_as_locked_not_as_gone(leftover, database, action):
    in_use = JournalSource(leftover.folder)
    in_use.open()
    try:
        with pytest.raises(LockedError, match="another process is recovering it"):
            action(leftover.run_id, to=database)
    finally:
        in_use.close(loaded=False)
    assert [one.run_id for one in leftovers()] == [leftover.run_id]


def test_locked_journal_does_not_hide_the_failure_of_another(
    target, leftover, monkeypatch
):
    failures = [LockedError("it is being recovered"), LoadError("it is damaged")]

    def fail(*_):
        raise failures.pop(0)

    monkeypatch.setattr(
        "propload.earlier_runs.recovering.find_leftovers",
        lambda _: [leftover, leftover],
    )
    monkeypatch.setattr("propload.earlier_runs.recovering.recover_one", fail)
    with pytest.raises(LoadError, match=r"it is damaged\. Recover .* or drop it \("):
        propload.ingest([{"id": 99}], **target)


#: Makes one lane fail permanently once another has committed. Since a trigger sees the
#: rows of its own statement as well, rows of its own transaction do not count.
DENY_7 = """
CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WHILE NOT EXISTS (SELECT FROM homes WHERE xmin <> pg_current_xact_id()::xid) LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE system_error USING MESSAGE = 'no 7 is allowed';
END $$"""
ON_7 = """
CREATE TRIGGER deny BEFORE INSERT ON homes FOR EACH ROW WHEN (NEW.id = 7)
EXECUTE FUNCTION deny()"""


def test_error_counts_only_uncommitted_rows_as_waiting(database, caplog):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)", DENY_7, ON_7)
    rows = ({"id": number} for number in range(100))
    with pytest.raises(LoadError, match="no 7 is allowed") as caught:
        propload.ingest(rows, to=database, table="homes", workers=2)
    inserted = caught.value.report.counts.inserted
    assert inserted == read_table(database, "homes").height > 0
    assert f". {100 - inserted} rows wait in the journal" in str(caught.value)
    run_sql(database, "ALTER TABLE homes DISABLE TRIGGER USER")
    propload.ingest([{"id": 100}], to=database, table="homes")
    # the journal no longer held all of them
    assert "left in its journal: it has read 100 rows in all" in caplog.text


def refuse_to_remove(_folder):
    raise PermissionError(13, "Permission denied")


def test_journal_that_cannot_be_removed_is_noted_and_not_loaded_again(
    database, monkeypatch
):
    settings = {"to": database, "table": "homes", "mode": "append", "progress": False}
    with monkeypatch.context() as patched:
        patched.setattr(writing, "remove_folder", refuse_to_remove)
        report = propload.ingest(({"id": n} for n in range(10)), **settings)
    assert report.status == "loaded"
    assert any("Permission denied" in note for note in report.notes)
    assert [one.run_id for one in leftovers()] == [report.run_id]
    # the next run finds its rows loaded, and adds none of them again
    propload.ingest(({"id": n} for n in range(10, 12)), **settings)
    assert sorted(read_table(database, "homes")["id"]) == list(range(12))
    assert not leftovers()


def test_run_that_cannot_begin_leaves_no_journal_and_no_thread(database, monkeypatch):
    def refuse(_watch):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(MemoryWatch, "__enter__", refuse)
    settings = {"to": database, "table": "homes", "mode": "append", "progress": False}
    with pytest.raises(RuntimeError, match="new thread"):
        propload.ingest(({"id": n} for n in range(10)), **settings)
    names = [thread.name for thread in threading.enumerate()]
    assert "propload-journal-sync" not in names
    assert not leftovers()
    assert not [*Path(os.environ["PROPLOAD_STATE_DIR"]).glob("journal/*")]


def test_all_rows_taken_from_a_generator_wait_in_the_journal(target, database):
    yielded = []

    def rows():
        for number in itertools.count():
            yielded.append(number)
            yield {"id": number, "extra": number}

    generator = rows()
    with pytest.raises(LoadError, match="rows wait in the journal") as caught:
        propload.ingest(generator, **target)
    assert f"{len(yielded):,} rows wait" in str(caught.value)
    [left] = leftovers()
    assert left.rows == len(yielded)
    # its caller can continue it: no thread of the run reads from it any more
    assert next(generator)["id"] == left.rows


def test_error_counts_generated_rows_that_could_not_be_kept(
    target, database, monkeypatch
):
    monkeypatch.setattr(journaled_source, "HAND_OVER_SECONDS", 0.5)
    monkeypatch.setattr(journaled_source, "WAKE_SECONDS", 0.1)
    ended = threading.Event()

    def rows():
        monkeypatch.setattr(row_batches, "FLUSH_SECONDS", 0.0)
        yield {"id": 1, "extra": 1}
        monkeypatch.setattr(row_batches, "FLUSH_SECONDS", 1_000.0)
        yield {"id": 2, "extra": 2}
        # a generator that waits here cannot be woken
        ended.wait(50)

    try:
        with pytest.raises(LoadError, match="extra") as caught:
            propload.ingest(rows(), **target)
    finally:
        ended.set()
    error = str(caught.value)
    assert "1 row waits in the journal" in error
    assert "1 row that rows gave last is lost: supply them again" in error


@pytest.fixture
def other_address(database):
    """Return another address of the same database."""
    if "host=%2F" not in database:
        pytest.skip("the server is not reached by a folder, which has two names")
    return database.replace("host=%2F", "host=%2F.%2F")


def test_run_is_recovered_by_name_under_another_server_address(
    database, leftover, other_address, caplog
):
    assert recover(to=other_address, on_new_columns="ignore") == []
    assert f"propload recover {leftover.run_id}" in caplog.text
    [report] = recover(leftover.run_id, to=other_address, on_new_columns="ignore")
    assert report.counts.inserted == 10
    assert read_table(database, "homes").height == 10
    assert leftovers() == []


def test_load_under_another_address_warns_of_the_waiting_journal(
    target, leftover, other_address, caplog
):
    propload.ingest([{"id": 99}], **{**target, "to": other_address})
    assert f"propload recover {leftover.run_id}" in caplog.text
    assert [one.run_id for one in leftovers()] == [leftover.run_id]


@pytest.fixture
def moved(leftover):
    """Leave a journal that seems to belong to another database, and return it."""
    notes = leftover.folder / "about.json"
    content = json.loads(notes.read_text())
    assert content["identity"]
    notes.write_text(json.dumps({**content, "database": "old/x", "identity": "1/2"}))
    return leftover


def test_run_of_a_moved_database_is_recovered_only_with_moved(database, moved):
    with pytest.raises(ConfigError, match=f"recover {moved.run_id} --moved"):
        recover(moved.run_id, to=database, on_new_columns="ignore")
    with pytest.raises(ConfigError, match="which run's database has moved"):
        recover(to=database, moved=True)
    [report] = recover(moved.run_id, moved=True, to=database, on_new_columns="ignore")
    assert report.counts.inserted == 10
    assert read_table(database, "homes").height == 10


def test_journal_of_another_table_opens_no_session(
    target, database, leftover, monkeypatch
):
    opened = []

    def record_and_open(*args, **kwargs):
        opened.append(args)
        return open_database(*args, **kwargs)

    monkeypatch.setattr(recovering, "open_database", record_and_open)
    settings = {**target, "table": "others", "key": "id"}
    assert propload.ingest([{"id": 1}], **settings).counts.inserted == 1
    with propload.Loader(**settings) as loader:
        loader.put([{"id": 2}])
    assert opened == []
    with pytest.raises(LoadError, match="has to be loaded first"):
        propload.ingest([{"id": 99}], **target)
    assert len(opened) == 1


@pytest.mark.parametrize("others", [1, 3])
def test_journals_waiting_for_an_older_one_are_reported_in_one_line(
    database, leftover, caplog, others
):
    names = [f"{leftover.run_id}-{number}" for number in range(others)]
    for name in names:
        shutil.copytree(leftover.folder, leftover.folder.with_name(name))
    with pytest.raises(LoadError, match="column extra is not in the table"):
        recover(to=database)
    [message] = [one for one in caplog.messages if " for run " in one]
    waiting = f"the journal of run {names[0]} waits"
    if others > 1:
        waiting = f"the journals of {others} runs ({names[0]} to {names[-1]}) wait"
    assert message == f"{waiting} for run {leftover.run_id}"
