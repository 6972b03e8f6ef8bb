"""Files of runs, some of which another process deletes at the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from propload.errors import ConfigError
from propload.messages.suggested_commands import Commands
from propload.rejecting import RejectStore
from propload.state.run_files import RunFiles, delete, written_before

LATER = datetime.now(UTC) + timedelta(days=1)


def test_file_deleted_after_listing_is_not_counted_as_old(tmp_path):
    files = RunFiles(tmp_path, ".begun", "such run", Commands.list_runs)
    for name in ("1", "2"):
        files.path(name).touch()
    listed = files.all()
    files.path("1").unlink()
    assert written_before(LATER, listed) == [files.path("2")]


def test_error_suggests_the_command_that_lists_runs(tmp_path, monkeypatch):
    files = RunFiles(tmp_path / "runs", ".json", "report", Commands.list_runs)
    with pytest.raises(ConfigError) as raised:
        files.find("2026")
    assert str(raised.value).endswith(f"propload runs list --state-dir {tmp_path}")
    monkeypatch.setenv("PROPLOAD_STATE_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match=r"See: propload runs list$"):
        files.find("2026")


def test_delete_reports_whether_the_file_was_there(tmp_path):
    path = tmp_path / "1.begun"
    path.touch()
    assert [delete(path), delete(path)] == [True, False]


def test_rejects_dropped_by_another_process_are_not_counted(tmp_path, monkeypatch):
    store = RejectStore(tmp_path)
    store.files.path("1").touch()

    def written_before_with_deleted(moment, paths):
        return [*written_before(moment, paths), store.files.path("2")]

    monkeypatch.setattr(
        "propload.rejecting.store.written_before", written_before_with_deleted
    )
    assert store.drop_old(LATER) == 1
    assert list(tmp_path.glob("*.ndjson")) == []
