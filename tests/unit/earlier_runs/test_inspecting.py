"""What earlier runs left is found again: reports, with their rejected rows."""

from dataclasses import replace
from functools import partial

import pytest

import propload
from propload.errors import ConfigError
from propload.rejecting import RejectWriter
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore
from tests.unit.rejecting.making import refused


@pytest.fixture
def state(tmp_path):
    """A state folder with the reports of two runs, one of them with a rejected row."""
    store = ReportStore(tmp_path / "runs")
    path = tmp_path / "rejects" / "20260102-cd.ndjson"
    writer = RejectWriter(path, "20260102-cd")
    writer.write(refused([1]))
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


def test_reports_come_newest_first_with_their_refused_rows(state):
    newest, oldest = propload.runs(state_dir=state)
    assert (newest.run_id, oldest.run_id) == ("20260102-cd", "20260101-ab")
    assert newest.rejects.equals(propload.rejects(state_dir=state))
    assert newest.rejects.height == 1
    assert oldest.rejects.is_empty()
    assert [one.run_id for one in propload.runs(1, state_dir=state)] == ["20260102-cd"]
    assert len(propload.runs(limit=1, state_dir=state)) == 1


def test_reports_of_one_table_are_told(state):
    ReportStore(state / "runs").save(
        replace(
            propload.runs(1, state_dir=state)[0],
            run_id="20260103-ef",
            target=TargetName("here", "shop.homes"),
        )
    )

    def told(limit=0, **settings):
        found = propload.runs(limit, state_dir=state, **settings)
        return [one.run_id for one in found]

    assert told(table="shop.homes") == ["20260103-ef"]
    assert told(table="homes") == ["20260102-cd", "20260101-ab"]
    assert told(1, table="public.homes") == ["20260102-cd"]
    assert told(table="others") == []
    assert len(told(table=None)) == 3


def test_a_table_of_the_environment_is_for_loads(state, monkeypatch):
    monkeypatch.setenv("PROPLOAD_TABLE", "others")
    assert len(propload.runs(state_dir=state)) == 2


@pytest.mark.parametrize(
    ("function", "settings", "told"),
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
def test_settings_that_say_nothing_are_refused(function, settings, told, state):
    with pytest.raises(ConfigError, match=told):
        function(state_dir=state, **settings)
    with pytest.raises(ConfigError, match="'tabel' is not a setting"):
        function(state_dir=state, tabel="homes")


def test_refused_rows_have_their_own_columns_beside_what_is_told_of_them(state):
    (row,) = propload.rejects(state_dir=state).iter_rows(named=True)
    assert (row["price"], row["propload_source"], row["propload_row"]) == (
        "p1",
        "a.csv",
        2,
    )
    assert row["propload_reasons"] == "price: price is wrong; area: area is wrong"
    told = [(one["column"], one["check"]) for one in row["propload_reason_list"]]
    assert told == [("price", "ge"), ("area", "ge")]


def test_a_run_that_refused_no_row_has_none_in_the_same_columns(state):
    found = propload.rejects("20260101-ab", state_dir=state)
    assert propload.rejects(run_id="20260101-ab", state_dir=state).equals(found)
    assert found.is_empty()
    own = propload.rejects("20260102-cd", state_dir=state).columns
    assert found.columns == [name for name in own if name.startswith("propload_")]
    assert propload.rejects("20260101", state_dir=state).equals(found)
    assert propload.runs(state_dir=state)[1].rejects.equals(found)


def test_a_run_that_nobody_knows_has_no_refused_rows_to_show(state):
    with pytest.raises(ConfigError, match="20260103"):
        propload.rejects("20260103", state_dir=state)


def test_a_report_whose_refused_rows_were_dropped_has_none(state):
    for path in (state / "rejects").iterdir():
        path.unlink()
    newest, _ = propload.runs(state_dir=state)
    assert newest.counts.rejected == 1
    assert newest.rejects.is_empty()
    with pytest.raises(ConfigError, match="20260102"):
        propload.rejects("20260102", state_dir=state)


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
def test_a_report_is_not_taken_for_the_name_of_its_run(state, function):
    report = propload.runs(1, state_dir=state)[0]
    with pytest.raises(ConfigError, match=r"a Report does not name.*report\.run_id"):
        function(report, state_dir=state)
    assert propload.rejects(report.run_id, state_dir=state).height == 1
