"""What is left in journals never shuts a table for ever."""

import itertools
import json
import os
import pickle
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
def goal(database):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    return {"to": database, "table": "homes"}


@pytest.fixture
def stuck(goal):
    """Leave a journal of rows that do not fit the table. Value: its run."""
    with pytest.raises(LoadError, match="10 rows wait in the journal"):
        propload.ingest(iter(ROWS), **goal)
    [left] = leftovers()
    return left


def test_what_cannot_be_recovered_is_told_with_the_ways_out(goal, stuck):
    with pytest.raises(LoadError, match="has to be loaded first") as caught:
        propload.ingest([{"id": 99}], **goal)
    told = str(caught.value)
    assert told.count("column extra is not in the table") == 1
    assert told.count(f"propload recover {stuck.run_id} --key ...") == 1
    assert told.count("recover --drop") == 1
    assert f"propload recover --drop {stuck.run_id})" in told
    # that of the run before would be taken for its own
    assert caught.value.report is None


def test_a_recovery_takes_other_settings_than_the_run_had(goal, database, stuck):
    [report] = recover(stuck.run_id, to=database, on_new_columns="ignore")
    assert report.counts.inserted == 10
    assert leftovers() == []


@pytest.fixture
def two_stuck(goal, database, stuck):
    """Leave a second journal, of another table. Value: its run, the table mended."""
    run_sql(database, "CREATE TABLE others (id bigint PRIMARY KEY)")
    with pytest.raises(LoadError):
        propload.ingest(iter(ROWS), **{**goal, "table": "others"})
    run_sql(database, "ALTER TABLE others ADD COLUMN extra bigint")
    [left] = leftovers(table="others")
    return left


def test_a_table_says_whose_journals_are_recovered(database, stuck, two_stuck):
    [report] = recover(to=database, table="others")
    assert (report.run_id, report.target.table) == (two_stuck.run_id, "public.others")
    assert read_table(database, "others").height == 10
    assert [one.run_id for one in leftovers()] == [stuck.run_id]


def test_a_table_that_no_run_was_into_gets_no_journal(database, stuck, two_stuck):
    run_sql(database, "CREATE TABLE rx (id bigint PRIMARY KEY, extra bigint)")
    assert recover(to=database, table="rx") == []
    assert read_table(database, "rx").height == 0
    assert {one.run_id for one in leftovers()} == {stuck.run_id, two_stuck.run_id}


def test_a_run_that_is_named_goes_into_the_table_that_is_given(database, stuck):
    run_sql(database, "CREATE TABLE rx (id bigint PRIMARY KEY, extra bigint)")
    [report] = recover(stuck.run_id, to=database, table="rx")
    assert report.target.table == "public.rx"
    assert read_table(database, "rx").height == 10
    assert leftovers() == []


def test_journals_of_one_table_and_database_are_told(database, stuck, two_stuck):
    def told(**settings):
        return {one.run_id for one in leftovers(**settings)}

    both = {stuck.run_id, two_stuck.run_id}
    assert told() == told(to=database) == told(table=None) == both
    assert told(table="homes") == told(to=database, table="homes") == {stuck.run_id}
    assert told(to="embedded") == told(table="rx") == set()


def test_a_journal_that_is_dropped_is_in_nobodys_way(goal, database, stuck):
    assert drop_leftover(stuck.run_id) == 10
    with pytest.raises(ConfigError, match="no journal of run"):
        drop_leftover(stuck.run_id)
    propload.ingest([{"id": 99}], **goal)
    assert read_table(database, "homes")["id"].to_list() == [99]


def test_a_killed_run_of_which_nothing_is_left_is_forgotten(stuck, state_dir):
    begun = UnfinishedRun(
        stuck.run_id, "list", TargetName("d", "t"), datetime.now(UTC), os.getpid()
    )
    path = state_dir / "runs" / f"{stuck.run_id}.begun"
    path.write_text(json.dumps(begun.as_dict()))
    drop_leftover(stuck.run_id)
    assert not path.exists()


def test_one_journal_keeps_no_other_from_its_rows(goal, database, stuck):
    run_sql(database, "CREATE TABLE others (id bigint PRIMARY KEY)")
    other = {**goal, "table": "others"}
    with pytest.raises(LoadError):
        propload.ingest(iter(ROWS), **other)
    run_sql(database, "ALTER TABLE others ADD COLUMN extra bigint")
    with pytest.raises(LoadError, match="extra"):
        recover(to=database)
    assert read_table(database, "others").height == 10
    assert [one.run_id for one in leftovers()] == [stuck.run_id]


def test_a_journal_in_other_hands_is_left_to_them(goal, database, stuck, monkeypatch):
    def held(*_):
        msg = "it is being recovered already"
        raise LockedError(msg)

    monkeypatch.setattr("propload.earlier_runs.recovering.recover_one", held)
    propload.ingest([{"id": 99}], **goal)
    assert read_table(database, "homes")["id"].to_list() == [99]


def test_notes_that_a_killed_run_did_not_come_to_write_stop_nobody(goal, stuck, caplog):
    (stuck.folder / "about.json").write_bytes(b"")
    assert leftovers() == []
    assert str(stuck.folder) in caplog.text
    propload.ingest([{"id": 99}], **goal)


def test_a_report_can_be_sent_to_another_process(goal):
    report = propload.ingest([{"id": 1}, {"id": None}], **goal)
    again = pickle.loads(pickle.dumps(report))  # noqa: S301 - of its own making
    assert again == report
    assert again.rejects.equals(report.rejects)
    clean = propload.ingest([{"id": 1}], **goal)
    assert report.rejects.columns == ["id", *clean.rejects.columns]
    assert clean.rejects.is_empty()


@pytest.mark.parametrize("act", [recover, drop_leftover])
def test_a_journal_in_other_hands_is_not_said_to_be_gone(stuck, database, act):
    held = JournalSource(stuck.folder)
    held.open()
    try:
        with pytest.raises(LockedError, match="another process is recovering it"):
            act(stuck.run_id, to=database)
    finally:
        held.close(loaded=False)
    assert [one.run_id for one in leftovers()] == [stuck.run_id]


def test_a_journal_in_other_hands_hides_no_failure(goal, stuck, monkeypatch):
    failures = [LockedError("it is being recovered"), LoadError("it is damaged")]

    def fail(*_):
        raise failures.pop(0)

    monkeypatch.setattr(
        "propload.earlier_runs.recovering.find_leftovers", lambda _: [stuck, stuck]
    )
    monkeypatch.setattr("propload.earlier_runs.recovering.recover_one", fail)
    with pytest.raises(LoadError, match=r"it is damaged\. Recover .* or drop it \("):
        propload.ingest([{"id": 99}], **goal)


#: Ends one lane for good when another has committed; a trigger sees the rows of its
#: own statement as well.
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


def test_only_the_rows_that_are_not_committed_are_said_to_wait(database, caplog):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)", DENY_7, ON_7)
    given = ({"id": number} for number in range(100))
    with pytest.raises(LoadError, match="no 7 is allowed") as failed:
        propload.ingest(given, to=database, table="homes", workers=2)
    inserted = failed.value.report.counts.inserted
    assert inserted == read_table(database, "homes").height > 0
    assert f". {100 - inserted} rows wait in the journal" in str(failed.value)
    run_sql(database, "ALTER TABLE homes DISABLE TRIGGER USER")
    propload.ingest([{"id": 100}], to=database, table="homes")
    # some of them were not in the journal any more
    assert "left in its journal: it has read 100 rows in all" in caplog.text


def refuse_to_remove(_folder):
    raise PermissionError(13, "Permission denied")


def test_a_journal_that_cannot_be_removed_is_a_note_of_a_loaded_run(
    database, monkeypatch
):
    told = {"to": database, "table": "homes", "mode": "append", "progress": False}
    with monkeypatch.context() as patched:
        patched.setattr(writing, "remove_folder", refuse_to_remove)
        report = propload.ingest(({"id": n} for n in range(10)), **told)
    assert report.status == "loaded"
    assert any("Permission denied" in note for note in report.notes)
    assert [one.run_id for one in leftovers()] == [report.run_id]
    # the next run finds its rows loaded, and adds none of them again
    propload.ingest(({"id": n} for n in range(10, 12)), **told)
    assert sorted(read_table(database, "homes")["id"]) == list(range(12))
    assert not leftovers()


def test_a_run_that_ends_before_it_began_to_load_lets_its_journal_go(
    database, monkeypatch
):
    def refuse(_watch):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(MemoryWatch, "__enter__", refuse)
    told = {"to": database, "table": "homes", "mode": "append", "progress": False}
    with pytest.raises(RuntimeError, match="new thread"):
        propload.ingest(({"id": n} for n in range(10)), **told)
    names = [thread.name for thread in threading.enumerate()]
    assert "propload-journal-sync" not in names
    assert not leftovers()
    assert not [*Path(os.environ["PROPLOAD_STATE_DIR"]).glob("journal/*")]


def test_a_generator_is_left_with_its_run_and_all_that_it_gave_waits(goal, database):
    given = []

    def rows():
        for number in itertools.count():
            given.append(number)
            yield {"id": number, "extra": number}

    generator = rows()
    with pytest.raises(LoadError, match="rows wait in the journal") as caught:
        propload.ingest(generator, **goal)
    assert f"{len(given):,} rows wait" in str(caught.value)
    [left] = leftovers()
    assert left.rows == len(given)
    # its caller goes on with it, and no thread of the run does
    assert next(generator)["id"] == left.rows


def test_rows_that_a_generator_gave_and_nobody_could_keep_are_told(
    goal, database, monkeypatch
):
    monkeypatch.setattr(journaled_source, "HAND_OVER_SECONDS", 0.5)
    monkeypatch.setattr(journaled_source, "WAKE_SECONDS", 0.1)
    ended = threading.Event()

    def rows():
        monkeypatch.setattr(row_batches, "FLUSH_SECONDS", 0.0)
        yield {"id": 1, "extra": 1}
        monkeypatch.setattr(row_batches, "FLUSH_SECONDS", 1_000.0)
        yield {"id": 2, "extra": 2}
        # who waits here cannot be woken
        ended.wait(50)

    try:
        with pytest.raises(LoadError, match="extra") as caught:
            propload.ingest(rows(), **goal)
    finally:
        ended.set()
    said = str(caught.value)
    assert "1 row waits in the journal" in said
    assert "1 row that rows gave last is lost: supply them again" in said


@pytest.fixture
def elsewhere(database):
    """Name the same database by another address."""
    if "host=%2F" not in database:
        pytest.skip("the server is not reached by a folder, which has two names")
    return database.replace("host=%2F", "host=%2F.%2F")


def test_a_run_is_recovered_after_its_server_got_another_address(
    database, stuck, elsewhere, caplog
):
    assert recover(to=elsewhere, on_new_columns="ignore") == []
    assert f"propload recover {stuck.run_id}" in caplog.text
    [report] = recover(stuck.run_id, to=elsewhere, on_new_columns="ignore")
    assert report.counts.inserted == 10
    assert read_table(database, "homes").height == 10
    assert leftovers() == []


def test_a_load_by_another_address_tells_of_a_journal_that_waits(
    goal, stuck, elsewhere, caplog
):
    propload.ingest([{"id": 99}], **{**goal, "to": elsewhere})
    assert f"propload recover {stuck.run_id}" in caplog.text
    assert [one.run_id for one in leftovers()] == [stuck.run_id]


@pytest.fixture
def moved(stuck):
    """Leave a journal whose database is another one as far as anyone can see."""
    notes = stuck.folder / "about.json"
    told = json.loads(notes.read_text())
    assert told["identity"]
    notes.write_text(json.dumps({**told, "database": "old/x", "identity": "1/2"}))
    return stuck


def test_a_database_that_moved_is_to_be_told(database, moved):
    with pytest.raises(ConfigError, match=f"recover {moved.run_id} --moved"):
        recover(moved.run_id, to=database, on_new_columns="ignore")
    with pytest.raises(ConfigError, match="which run's database has moved"):
        recover(to=database, moved=True)
    [report] = recover(moved.run_id, moved=True, to=database, on_new_columns="ignore")
    assert report.counts.inserted == 10
    assert read_table(database, "homes").height == 10


def test_a_journal_of_another_table_costs_a_load_no_session(
    goal, database, stuck, monkeypatch
):
    opened = []

    def open_it(*given, **how):
        opened.append(given)
        return open_database(*given, **how)

    monkeypatch.setattr(recovering, "open_database", open_it)
    told = {**goal, "table": "others", "key": "id"}
    assert propload.ingest([{"id": 1}], **told).counts.inserted == 1
    with propload.Loader(**told) as loader:
        loader.put([{"id": 2}])
    assert opened == []
    with pytest.raises(LoadError, match="has to be loaded first"):
        propload.ingest([{"id": 99}], **goal)
    assert len(opened) == 1


@pytest.mark.parametrize("others", [1, 3])
def test_journals_that_wait_for_an_older_one_are_told_in_one_line(
    database, stuck, caplog, others
):
    names = [f"{stuck.run_id}-{number}" for number in range(others)]
    for name in names:
        shutil.copytree(stuck.folder, stuck.folder.with_name(name))
    with pytest.raises(LoadError, match="column extra is not in the table"):
        recover(to=database)
    [told] = [one for one in caplog.messages if " for run " in one]
    whose = f"the journal of run {names[0]} waits"
    if others > 1:
        whose = f"the journals of {others} runs ({names[0]} to {names[-1]}) wait"
    assert told == f"{whose} for run {stuck.run_id}"
