import json
import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import propload
from propload.errors import ConfigError
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore


def report(run_id):
    return Report(
        run_id=run_id,
        status="loaded",
        source="a.csv",
        target=TargetName("here", "public.homes"),
        counts=Counts(read=1, inserted=1),
        seconds=1.0,
    )


@pytest.fixture
def store(tmp_path):
    return ReportStore(tmp_path / "runs")


def test_reports_are_private_and_read_newest_first(store):
    for run_id in ("20260101-ab", "20260102-cd", "20260103-ef"):
        store.save(report(run_id))
    path = store.files.path("20260101-ab")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert store.read("20260101").counts == Counts(read=1, inserted=1)
    assert store.read().run_id == "20260103-ef"
    newest = [one.run_id for one in store.newest(2)]
    assert newest == ["20260103-ef", "20260102-cd"]
    assert len(store.newest()) == 3


def test_report_does_not_point_to_rejects_that_are_gone(store, tmp_path):
    rejects = tmp_path / "rejects" / "x.ndjson"
    rejects.parent.mkdir()
    rejects.write_text("{}\n")
    saved = replace(report("20260101-ab"), rejects_path=str(rejects))
    store.save(saved)
    assert store.read() == saved
    assert "propload rejects show 20260101-ab" in str(store.read())
    # the report that a notebook still holds, and the one that is read later
    rejects.unlink()
    for shown in (saved, store.read()):
        assert "propload rejects show" not in str(shown)
        assert "been dropped or replayed" in str(shown)
    assert store.read().rejects_path is None
    assert "been dropped or replayed" in store.read().to_json()


def test_rejects_are_found_in_a_moved_state_folder(tmp_path):
    before, now = tmp_path / "before", tmp_path / "now"
    path = before / "rejects" / "20260101-ab.ndjson"
    path.parent.mkdir(parents=True)
    path.write_text("{}\n")
    saved = replace(report("20260101-ab"), rejects_path=str(path))
    assert ReportStore(before / "runs").save(saved)
    before.rename(now)
    store = ReportStore(now / "runs")
    assert store.read() == replace(
        saved, rejects_path=str(now / "rejects" / "20260101-ab.ndjson")
    )
    # kept, because a replay takes its table from the report
    assert store.drop(datetime.now(UTC) + timedelta(days=1)) == 0
    # a copy of the folder has its own rejects
    shutil.copytree(now, before)
    (now / "rejects" / path.name).unlink()
    assert store.read().rejects_path is None
    assert ReportStore(before / "runs").read() == saved


def test_report_is_saved_if_the_folders_name_is_not_utf_8(store):
    saved = replace(report("20260101-ab"), rejects_path="/srv/b\udce4/x.ndjson")
    assert store.save(saved)
    content = json.loads(store.files.path("20260101-ab").read_text("utf-8"))
    assert content["rejects_path"] == "/srv/b\udce4/x.ndjson"
    assert store.read().rejects_path is None


def test_error_names_an_unknown_or_ambiguous_run(store):
    with pytest.raises(ConfigError, match="no run has left any report"):
        store.read()
    store.save(report("20260101-ab"))
    store.save(report("20260101-cd"))
    with pytest.raises(ConfigError, match="run '2026': the names of 2 runs begin with"):
        store.read("2026")
    with pytest.raises(ConfigError, match="run 'x': no report"):
        store.read("x")


@pytest.mark.parametrize(
    ("before", "after"),
    [("{", "["), ('"counts": {', '"counts": [], "_": {'), ('"here"', '"x", "y": "z"')],
)
def test_damaged_report_is_an_error(store, before, after):
    store.save(report("20260101-ab"))
    path = store.files.path("20260101-ab")
    path.write_text(path.read_text().replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match="is not the report of a run"):
        store.read()


def test_damaged_report_does_not_hide_others(store, caplog):
    for run_id in ("20260101-ab", "20260102-cd", "20260103-ef"):
        store.save(report(run_id))
    store.files.path("20260103-ef").write_text("{", encoding="utf-8")
    assert [one.run_id for one in store.newest(2)] == ["20260102-cd", "20260101-ab"]
    assert "is not the report of a run" in caplog.text


def test_error_says_that_a_report_belongs_to_another_user(store, monkeypatch, caplog):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    store.save(report("20260101-ab"))
    path = store.files.path("20260101-ab")
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(ConfigError, match=rf"^{path} belongs to .* \(chown -R "):
        store.read()
    assert store.newest(2) == []
    assert f"{path} belongs to " in caplog.text


def test_failed_save_keeps_the_earlier_report(store, monkeypatch):
    store.save(report("20260101-ab"))

    def refuse(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("propload.private_files.os.fsync", refuse)
    store.save(report("20260101-ab"))
    assert store.read().run_id == "20260101-ab"
    assert [path.name for path in store.files.folder.iterdir()] == ["20260101-ab.json"]


def test_failed_save_is_logged(store, caplog):
    store.files.folder.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        store.save(report("20260101-ab"))
    assert "the report was not kept" in caplog.text


@pytest.mark.parametrize("limit", [-1, "2", 1.5])
def test_invalid_limit_of_reports_is_refused(limit):
    with pytest.raises(ConfigError, match="limit is"):
        propload.runs(limit)
