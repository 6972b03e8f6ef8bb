"""A program that changes its working directory still finds what its loads left."""

import pytest

import propload
from tests.integration.reading import read_table

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


@pytest.fixture
def settings(database, tmp_path, monkeypatch):
    """Change to a folder, and return settings with a state folder relative to it."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return {
        "to": database,
        "table": "homes",
        "key": "id",
        "state_dir": "state",
        "progress": False,
    }


def test_rejects_are_found_after_changing_directory(settings, tmp_path, monkeypatch):
    rows = [{"id": number} for number in range(100)]
    assert propload.ingest(rows, **settings).counts.inserted == 100
    report = propload.ingest([{"id": "none"}], **settings)
    monkeypatch.chdir(tmp_path / "there")
    assert report.rejects.height == 1
    [last, _] = propload.runs(state_dir=tmp_path / "here" / "state")
    assert last.rejects.height == 1
    assert list((tmp_path / "there").iterdir()) == []


def test_load_keeps_its_state_folder_when_the_directory_changes(
    settings, tmp_path, monkeypatch
):
    def rows():
        yield {"id": 1}
        monkeypatch.chdir(tmp_path / "there")
        yield {"id": 2}

    report = propload.ingest(rows(), **settings)
    with propload.Loader(**settings | {"state_dir": "other"}) as loader:
        loader.put({"id": 3})
        monkeypatch.chdir(tmp_path / "here")
        loader.put({"id": "none"})
    assert (report.counts.inserted, loader.report.rejects.height) == (2, 1)
    assert list(read_table(settings["to"], "homes")["id"].sort()) == [1, 2, 3]
    assert [one.name for one in (tmp_path / "here").iterdir()] == ["state"]
    assert [one.name for one in (tmp_path / "there").iterdir()] == ["other"]
