"""Looking at one run stays cheap in a state folder that holds years of files."""

import sys

import pytest

import propload
from propload import config
from propload.earlier_runs.newest_rejects import NewestRejects
from propload.errors import ConfigError
from propload.messages.suggested_commands import Commands
from propload.options import Places
from propload.rejecting import RejectWriter
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore
from propload.state.run_files import RunFiles
from propload.target import TableName
from tests.unit.rejecting.rows import rejected_rows

#: Folders that were listed below the watched one.
_listed = []
_watched = []


def _record_listing(event, arguments):
    if _watched and event in ("os.listdir", "os.scandir"):
        folder = str(arguments[0])
        if folder.startswith(_watched[0]):
            _listed.append(folder)


sys.addaudithook(_record_listing)


@pytest.fixture
def listed(tmp_path):
    """Record which of a test's folders are listed. Value: their paths, in order."""
    _watched.append(str(tmp_path))
    yield _listed
    _watched.clear()
    _listed.clear()


@pytest.fixture
def runs(tmp_path):
    """Leave reports and empty rejects of 30 runs. Value: their names, oldest first."""
    store = ReportStore(tmp_path / "runs")
    names = [f"202607{day:02}T120000-aa" for day in range(1, 31)]
    (tmp_path / "rejects").mkdir()
    for name in names:
        store.save(report(name))
        (tmp_path / "rejects" / f"{name}.ndjson").touch()
    return names


def test_file_of_a_named_run_is_found_without_listing_a_folder(tmp_path, runs, listed):
    files = ReportStore(tmp_path / "runs").files
    assert files.find(runs[3]) == files.path(runs[3])
    assert propload.rejects(runs[3], state_dir=tmp_path).height == 0
    assert listed == []


def test_form_of_commands_is_determined_once_for_all_reports(
    tmp_path, runs, monkeypatch
):
    folders = []
    determine = config.commands_for
    monkeypatch.setattr(
        config, "commands_for", lambda at: folders.append(at) or determine(at)
    )
    found = propload.runs(state_dir=tmp_path)
    assert [one.run_id for one in found] == runs[::-1]
    assert folders == [tmp_path]


def test_looking_up_replays_lists_the_runs_once(tmp_path, runs, listed):
    newest = NewestRejects(Places(tmp_path))
    assert [newest.replay(name) for name in runs] == [None] * len(runs)
    # once, for the runs in progress
    assert listed == [str(tmp_path / "runs")]


def report(run_id, source="a.csv", table="public.homes"):
    target = TargetName("here", table)
    return Report(run_id, "loaded", source, target, Counts(read=1, inserted=1), 1.0)


def test_reports_of_other_tables_and_sources_are_not_decoded(tmp_path, caplog):
    store = ReportStore(tmp_path / "runs")
    store.save(report("20260101-ab"))
    # decoding one of these would log a warning: they are not reports
    for day in range(2, 9):
        store.files.path(f"2026010{day}-ab").write_text("{'source': 'b.csv'")
    into = TableName("public", "homes")
    assert [one.run_id for one in store.newest(table=into)] == ["20260101-ab"]
    assert [one.run_id for one in store.of_source("a.csv")] == ["20260101-ab"]
    assert caplog.text == ""
    assert len(store.newest()) == 1
    assert caplog.text.count("is not the report of a run") == 7


def test_search_for_replays_decodes_no_reports_of_loads(tmp_path, caplog):
    store = ReportStore(tmp_path / "runs")
    store.save(report("20260101-ab"))
    for day in range(2, 9):
        store.files.path(f"2026010{day}-ab").write_text("{'source': 'b.csv'")
    writer = RejectWriter(tmp_path / "rejects" / "20260101-ab.ndjson", "20260101-ab")
    writer.write(rejected_rows([1]))
    writer.close()
    with caplog.at_level("DEBUG"):
        path = NewestRejects(Places(tmp_path)).find_replayable()
    assert path.stem == "20260101-ab"
    assert "is not the report of a run" not in caplog.text


@pytest.mark.parametrize(
    "source", ['b".csv', "b\\n.csv", "b\n.csv", "b/é.csv", "b\udce4.csv", ""]
)
def test_source_is_found_whatever_characters_its_name_has(tmp_path, source):
    store = ReportStore(tmp_path)
    store.save(report("20260101-ab", source))
    store.save(report("20260102-ab", source))
    store.save(report("20260103-ab", f"{source} and more"))
    names = [one.run_id for one in store.of_source(source)]
    assert names == ["20260102-ab", "20260101-ab"]
    names = [one.run_id for one in store.of_source(source, since="20260101-ab")]
    assert names == ["20260102-ab"]


def test_report_dropped_while_others_are_read_is_skipped(tmp_path, caplog):
    store = ReportStore(tmp_path)
    for day in (1, 2, 3):
        store.save(report(f"2026010{day}-ab"))
    found = store.of_source("a.csv")
    assert next(found).run_id == "20260103-ab"
    store.files.path("20260102-ab").unlink()
    assert [one.run_id for one in found] == ["20260101-ab"]
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "x" * 300, "a\0b"])
def test_name_of_a_run_cannot_lead_outside_its_folder(tmp_path, name):
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "secret.json").touch()
    files = RunFiles(tmp_path / "runs", ".json", "report", Commands.list_runs)
    with pytest.raises(ConfigError, match="no report"):
        files.find(name)


def test_missing_folder_holds_no_runs(tmp_path):
    files = RunFiles(tmp_path / "runs", ".json", "report", Commands.list_runs)
    assert files.names() == list(files.all()) == []
    (tmp_path / "runs").touch()
    assert files.names() == []
