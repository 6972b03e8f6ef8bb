"""A program that goes to another folder finds what its loads have left."""

import pytest

import propload
from tests.integration.reading import read_table

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


@pytest.fixture
def load_into(database, tmp_path, monkeypatch):
    """Return settings of a load, in a folder that the program is in."""
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


def test_the_rejected_rows_of_a_report_are_found_from_elsewhere(
    load_into, tmp_path, monkeypatch
):
    rows = [{"id": number} for number in range(100)]
    assert propload.ingest(rows, **load_into).counts.inserted == 100
    report = propload.ingest([{"id": "none"}], **load_into)
    monkeypatch.chdir(tmp_path / "there")
    assert report.rejects.height == 1
    [last, _] = propload.runs(state_dir=tmp_path / "here" / "state")
    assert last.rejects.height == 1
    assert list((tmp_path / "there").iterdir()) == []


def test_a_load_goes_on_where_it_began(load_into, tmp_path, monkeypatch):
    def rows():
        yield {"id": 1}
        monkeypatch.chdir(tmp_path / "there")
        yield {"id": 2}

    report = propload.ingest(rows(), **load_into)
    with propload.Loader(**load_into | {"state_dir": "other"}) as loader:
        loader.put({"id": 3})
        monkeypatch.chdir(tmp_path / "here")
        loader.put({"id": "none"})
    assert (report.counts.inserted, loader.report.rejects.height) == (2, 1)
    assert list(read_table(load_into["to"], "homes")["id"].sort()) == [1, 2, 3]
    assert [one.name for one in (tmp_path / "here").iterdir()] == ["state"]
    assert [one.name for one in (tmp_path / "there").iterdir()] == ["other"]
