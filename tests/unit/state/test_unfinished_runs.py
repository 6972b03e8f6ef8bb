"""Runs that are told of while others look at them."""

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


def test_who_looks_at_a_run_that_begins_does_not_hide_it(tmp_path, monkeypatch):
    path = tmp_path / f"{RUN.run_id}.begun"
    path.touch()
    look, waits = os.open(path, os.O_RDONLY), []
    fcntl.flock(look, fcntl.LOCK_SH)

    def look_ends(seconds):
        waits.append(seconds)
        os.close(look)

    monkeypatch.setattr(private_files.time, "sleep", look_ends)
    with mark_running(tmp_path, RUN):
        assert UnfinishedRunStore(tmp_path).newest() == [RUN]
    assert len(waits) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_does_not_wait_for_who_keeps_its_note(tmp_path, caplog):
    path = tmp_path / f"{RUN.run_id}.begun"
    descriptor = private_files.lock_private(path)
    with mark_running(tmp_path, RUN):
        assert "the beginning of the run was not noted" in caplog.text
    os.close(descriptor)
    assert path.exists()


def test_that_a_ledger_holds_a_run_is_noted_at_one_stroke(tmp_path):
    store, path = UnfinishedRunStore(tmp_path), tmp_path / f"{RUN.run_id}.begun"
    with mark_running(tmp_path, RUN) as note:
        before = path.stat().st_size
        note.note_entered()
        assert store.newest() == [replace(RUN, entered=True)]
        # no end of the line before is left
        assert path.stat().st_size == before


def test_a_run_that_an_older_version_began_tells_of_no_ledger(tmp_path):
    path = tmp_path / f"{RUN.run_id}.begun"
    path.write_text(json.dumps(RUN.as_dict()))
    [found] = UnfinishedRunStore(tmp_path).newest()
    assert (found.status, found.entered) == ("killed", False)


def test_what_nothing_else_tells_of_stays_and_nobody_holds_it(tmp_path):
    with mark_running(tmp_path, RUN) as note:
        note.stays = True
    [left] = UnfinishedRunStore(tmp_path).newest()
    assert (left.run_id, left.status) == (RUN.run_id, "killed")


def killed(folder, run_id, **told):
    """Leave what a killed run leaves; return its name."""
    one = replace(RUN, run_id=run_id, **told)
    (folder / f"{run_id}.begun").write_text(json.dumps(one.as_dict()))
    return run_id


def names(store):
    return {one.run_id for one in store.newest()}


def test_killed_runs_are_forgotten_and_no_others(tmp_path):
    store, gone = UnfinishedRunStore(tmp_path), killed(tmp_path, "20260701T120000-aa1")
    with mark_running(tmp_path, RUN):
        store.forget(RUN.run_id)
        store.forget(gone)
        assert names(store) == {RUN.run_id}
    store.forget(gone)
    assert names(store) == set()


def test_the_killed_replays_of_a_run_are_forgotten_and_those_of_no_other(tmp_path):
    store = UnfinishedRunStore(tmp_path)
    killed(tmp_path, "20260701T120000-aa1", replayed=RUN.run_id, way="replay")
    other = killed(tmp_path, "20260701T120000-aa2", replayed="20260630T120000-cc3")
    load = killed(tmp_path, "20260701T120000-aa3")
    store.forget_replays(RUN.run_id)
    assert names(store) == {other, load}
