"""Notes of unfinished runs, and processes that read them at the same time."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from propload import private_files
from propload.report import TargetName
from propload.state.unfinished_runs import (
    UnfinishedRun,
    UnfinishedRunStore,
    mark_running,
)

RUN = UnfinishedRun(
    "20260704T120000-bb1",
    "4.csv",
    TargetName("local", "public.homes"),
    datetime(2026, 7, 4, 12, tzinfo=UTC),
    os.getpid(),
)

pytestmark = pytest.mark.timeout(20)


def test_run_that_begins_waits_for_a_reader_of_its_note(tmp_path, monkeypatch):
    path = tmp_path / f"{RUN.run_id}.begun"
    path.touch()
    reading, waits = os.open(path, os.O_RDONLY), []
    fcntl.flock(reading, fcntl.LOCK_SH)

    def end_reading(seconds):
        waits.append(seconds)
        os.close(reading)

    monkeypatch.setattr(private_files.time, "sleep", end_reading)
    with mark_running(tmp_path, RUN):
        assert UnfinishedRunStore(tmp_path).newest() == [RUN]
    assert len(waits) == 1
    assert list(tmp_path.iterdir()) == []


def test_run_begins_unnoted_if_another_process_locks_its_note(tmp_path, caplog):
    path = tmp_path / f"{RUN.run_id}.begun"
    descriptor = private_files.lock_private(path)
    with mark_running(tmp_path, RUN):
        assert "the beginning of the run was not noted" in caplog.text
    os.close(descriptor)
    assert path.exists()


def test_entry_in_the_ledger_is_noted_in_place(tmp_path):
    store, path = UnfinishedRunStore(tmp_path), tmp_path / f"{RUN.run_id}.begun"
    with mark_running(tmp_path, RUN) as note:
        before = path.stat().st_size
        note.note_entered()
        assert store.newest() == [replace(RUN, entered=True)]
        # nothing is left of the longer line before
        assert path.stat().st_size == before


def test_note_of_an_older_version_has_no_entry_in_the_ledger(tmp_path):
    path = tmp_path / f"{RUN.run_id}.begun"
    path.write_text(json.dumps(RUN.as_dict()))
    [found] = UnfinishedRunStore(tmp_path).newest()
    assert (found.status, found.entered) == ("killed", False)


def test_note_that_stays_is_left_unlocked_as_of_a_killed_run(tmp_path):
    with mark_running(tmp_path, RUN) as note:
        note.stays = True
    [left] = UnfinishedRunStore(tmp_path).newest()
    assert (left.run_id, left.status) == (RUN.run_id, "killed")


def leave_killed_run(folder, run_id, **changes):
    """Write the note that a killed run leaves; return the run's name."""
    one = replace(RUN, run_id=run_id, **changes)
    (folder / f"{run_id}.begun").write_text(json.dumps(one.as_dict()))
    return run_id


def names(store):
    return {one.run_id for one in store.newest()}


def test_forget_deletes_notes_of_killed_runs_only(tmp_path):
    store, gone = (
        UnfinishedRunStore(tmp_path),
        leave_killed_run(tmp_path, "20260701T120000-aa1"),
    )
    with mark_running(tmp_path, RUN):
        store.forget(RUN.run_id)
        store.forget(gone)
        assert names(store) == {RUN.run_id}
    store.forget(gone)
    assert names(store) == set()


def test_forget_replays_deletes_only_replays_of_that_run(tmp_path):
    store = UnfinishedRunStore(tmp_path)
    leave_killed_run(tmp_path, "20260701T120000-aa1", replayed=RUN.run_id, way="replay")
    other = leave_killed_run(
        tmp_path, "20260701T120000-aa2", replayed="20260630T120000-cc3"
    )
    load = leave_killed_run(tmp_path, "20260701T120000-aa3")
    store.forget_replays(RUN.run_id)
    assert names(store) == {other, load}
