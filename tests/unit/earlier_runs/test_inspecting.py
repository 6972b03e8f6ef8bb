"""Reports of earlier runs, and the rows that these rejected."""

from dataclasses import replace
from functools import partial

import pytest

import propload
from propload.errors import ConfigError
from propload.rejecting import RejectWriter
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore
from tests.unit.rejecting.rows import rejected_rows


@pytest.fixture
def state_folder(tmp_path):
    """Return a state folder with reports of two runs, one with a rejected row."""
    store = ReportStore(tmp_path / "runs")
    path = tmp_path / "rejects" / "20260102-cd.ndjson"
    writer = RejectWriter(path, "20260102-cd")
    writer.write(rejected_rows([1]))
    writer.close()
    for run_id, rejected in (("20260101-ab", 0), ("20260102-cd", 1)):
        store.save(
            Report(
                run_id=run_id,
                status="loaded",
                source="a.csv",
                target=TargetName("here", "public.homes"),
                counts=Counts(read=2, inserted=2 - rejected, rejected=rejected),
                seconds=1.0,
                rejects_path=str(path) if rejected else None,
            )
        )
    return tmp_path


def test_reports_come_newest_first_with_their_rejected_rows(state_folder):
    newest, oldest = propload.runs(state_dir=state_folder)
    assert (newest.run_id, oldest.run_id) == ("20260102-cd", "20260101-ab")
    assert newest.rejects.equals(propload.rejects(state_dir=state_folder))
    assert newest.rejects.height == 1
    assert oldest.rejects.is_empty()
    assert [one.run_id for one in propload.runs(1, state_dir=state_folder)] == [
        "20260102-cd"
    ]
    assert len(propload.runs(limit=1, state_dir=state_folder)) == 1


def test_reports_are_selected_by_table(state_folder):
    ReportStore(state_folder / "runs").save(
        replace(
            propload.runs(1, state_dir=state_folder)[0],
            run_id="20260103-ef",
            target=TargetName("here", "shop.homes"),
        )
    )

    def names_of(limit=0, **settings):
        found = propload.runs(limit, state_dir=state_folder, **settings)
        return [one.run_id for one in found]

    assert names_of(table="shop.homes") == ["20260103-ef"]
    assert names_of(table="homes") == ["20260102-cd", "20260101-ab"]
    assert names_of(1, table="public.homes") == ["20260102-cd"]
    assert names_of(table="others") == []
    assert len(names_of(table=None)) == 3


def test_table_of_the_environment_does_not_select_reports(state_folder, monkeypatch):
    monkeypatch.setenv("PROPLOAD_TABLE", "others")
    assert len(propload.runs(state_dir=state_folder)) == 2


@pytest.mark.parametrize(
    ("function", "settings", "message"),
    [
        (propload.runs, {"to": "dsn", "key": "id"}, "to, key do not apply to .*runs"),
        (propload.rejects, {"table": "homes"}, "table does not apply to .*rejects"),
        (propload.leftovers, {"key": "id"}, "key does not apply to .*leftovers"),
        (propload.recover, {"resume": True}, "resume does not apply to .*recover"),
        (propload.recover, {"sheet": "1"}, "sheet does not apply to .*recover"),
        (propload.replay, {"header": False}, "header does not apply to .*replay"),
        (propload.replay, {"journal_sync": "off"}, "journal_sync does not apply"),
        (
            partial(propload.drop_runs, 1),
            {"lock": True},
            "lock does not apply",
        ),
        (
            partial(propload.drop_old_rejects, 1),
            {"to": "x"},
            "to does not apply",
        ),
    ],
)
def test_settings_that_do_not_apply_are_refused(
    function, settings, message, state_folder
):
    with pytest.raises(ConfigError, match=message):
        function(state_dir=state_folder, **settings)
    with pytest.raises(ConfigError, match="'tabel' is not a setting"):
        function(state_dir=state_folder, tabel="homes")


def test_rejected_rows_have_their_values_place_and_reasons(state_folder):
    (row,) = propload.rejects(state_dir=state_folder).iter_rows(named=True)
    assert (row["price"], row["propload_source"], row["propload_row"]) == (
        "p1",
        "a.csv",
        2,
    )
    assert row["propload_reasons"] == "price: price is wrong; area: area is wrong"
    reasons = [(one["column"], one["check"]) for one in row["propload_reason_list"]]
    assert reasons == [("price", "ge"), ("area", "ge")]


def test_run_without_rejects_gives_an_empty_frame_of_the_same_columns(state_folder):
    found = propload.rejects("20260101-ab", state_dir=state_folder)
    assert propload.rejects(run_id="20260101-ab", state_dir=state_folder).equals(found)
    assert found.is_empty()
    columns = propload.rejects("20260102-cd", state_dir=state_folder).columns
    assert found.columns == [name for name in columns if name.startswith("propload_")]
    assert propload.rejects("20260101", state_dir=state_folder).equals(found)
    assert propload.runs(state_dir=state_folder)[1].rejects.equals(found)


def test_rejects_of_an_unknown_run_are_an_error(state_folder):
    with pytest.raises(ConfigError, match="20260103"):
        propload.rejects("20260103", state_dir=state_folder)


def test_report_whose_rejects_were_dropped_has_an_empty_frame(state_folder):
    for path in (state_folder / "rejects").iterdir():
        path.unlink()
    newest, _ = propload.runs(state_dir=state_folder)
    assert newest.counts.rejected == 1
    assert newest.rejects.is_empty()
    with pytest.raises(ConfigError, match="20260102"):
        propload.rejects("20260102", state_dir=state_folder)


@pytest.mark.parametrize(
    "function",
    [
        propload.rejects,
        propload.replay,
        propload.recover,
        propload.drop_rejects,
        propload.drop_leftover,
    ],
)
def test_report_in_place_of_its_run_id_is_refused(state_folder, function):
    report = propload.runs(1, state_dir=state_folder)[0]
    with pytest.raises(ConfigError, match=r"a Report does not name.*report\.run_id"):
        function(report, state_dir=state_folder)
    assert propload.rejects(report.run_id, state_dir=state_folder).height == 1
