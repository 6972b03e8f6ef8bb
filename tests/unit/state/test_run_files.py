"""Files of runs that another process deletes meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from propload.errors import ConfigError
from propload.messages.suggested_commands import Commands
from propload.rejecting import RejectStore
from propload.state.run_files import RunFiles, delete, written_before

LATER = datetime.now(UTC) + timedelta(days=1)


def test_a_file_that_went_since_it_was_listed_is_not_old(tmp_path):
    files = RunFiles(tmp_path, ".begun", "such run", Commands.list_runs)
    for name in ("1", "2"):
        files.path(name).touch()
    listed = files.all()
    files.path("1").unlink()
    assert written_before(LATER, listed) == [files.path("2")]


def test_who_looks_for_a_run_is_told_where_runs_are_listed(tmp_path, monkeypatch):
    files = RunFiles(tmp_path / "runs", ".json", "report", Commands.list_runs)
    with pytest.raises(ConfigError) as told:
        files.find("2026")
    assert str(told.value).endswith(f"propload runs list --state-dir {tmp_path}")
    monkeypatch.setenv("PROPLOAD_STATE_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match=r"See: propload runs list$"):
        files.find("2026")


def test_a_file_is_deleted_once(tmp_path):
    path = tmp_path / "1.begun"
    path.touch()
    assert [delete(path), delete(path)] == [True, False]


def test_refused_rows_that_another_process_drops_are_not_counted(tmp_path, monkeypatch):
    store = RejectStore(tmp_path)
    store.files.path("1").touch()

    def seen_before_they_went(moment, paths):
        return [*written_before(moment, paths), store.files.path("2")]

    monkeypatch.setattr(
        "propload.rejecting.store.written_before", seen_before_they_went
    )
    assert store.drop_old(LATER) == 1
    assert list(tmp_path.glob("*.ndjson")) == []
