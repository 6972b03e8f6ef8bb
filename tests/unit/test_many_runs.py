"""What a look at one run asks of a state folder that holds years of files."""

import os
import sys

import pytest

import propload
from propload.commands import Commands
from propload.earlier.newest_rejects import NewestRejects
from propload.errors import ConfigError
from propload.options import Places
from propload.report import Counts, Report, TargetName
from propload.reports import ReportStore
from propload.run_files import RunFiles

#: The folders that were listed, while somebody wants to know.
_listed = []
_is_on = []


def _hear(event, arguments):
    if event in ("os.listdir", "os.scandir") and _is_on:
        _listed.append(os.fspath(arguments[0]))


sys.addaudithook(_hear)


@pytest.fixture
def listed():
    """Listen which folders are listed. Value: those, in order."""
    _listed.clear()
    _is_on.append(True)
    yield _listed
    _is_on.clear()


@pytest.fixture
def runs(tmp_path):
    """Let runs have ended. Value: their names, oldest first."""
    store = ReportStore(tmp_path / "runs")
    names = [f"202607{day:02}T120000-aa" for day in range(1, 31)]
    (tmp_path / "rejects").mkdir()
    for name in names:
        report = Report(
            name, "loaded", "a.csv", TargetName("x", "y"), Counts(read=1), 1
        )
        store.save(report)
        (tmp_path / "rejects" / f"{name}.ndjson").touch()
    return names


def test_the_file_of_a_run_that_is_named_is_found_without_the_others(
    tmp_path, runs, listed
):
    files = ReportStore(tmp_path / "runs").files
    assert files.find(runs[3]) == files.path(runs[3])
    assert propload.rejects(runs[3], state_dir=tmp_path).height == 0
    assert listed == []


def test_to_ask_which_runs_are_replays_does_not_list_all_for_each(
    tmp_path, runs, listed
):
    newest = NewestRejects(Places(tmp_path))
    assert [newest.replay(name) for name in runs] == [None] * len(runs)
    # those that go on
    assert listed == [os.fspath(tmp_path / "runs")]


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "x" * 300, "a\0b"])
def test_a_name_leads_to_no_file_elsewhere(tmp_path, name):
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "secret.json").touch()
    files = RunFiles(tmp_path / "runs", ".json", "report", Commands.list_runs)
    with pytest.raises(ConfigError, match="no report"):
        files.find(name)


def test_a_folder_that_is_not_there_holds_no_run(tmp_path):
    files = RunFiles(tmp_path / "runs", ".json", "report", Commands.list_runs)
    assert files.names() == list(files.all()) == []
    (tmp_path / "runs").touch()
    assert files.names() == []
