"""Whose rejected rows are replayed where no run is named."""

import json
from datetime import UTC, datetime

import pytest

from propload.earlier_runs.newest_rejects import NewestRejects, Replay
from propload.errors import ConfigError
from propload.options import Places
from propload.rejecting import RejectWriter
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore
from propload.state.unfinished_runs import UnfinishedRun
from tests.unit.rejecting.making import refused

FIRST, SECOND, THIRD, FOURTH = (f"2026070{day}T120000-aa" for day in (1, 2, 3, 4))
HOMES = TargetName("local", "public.homes")


@pytest.fixture
def places(tmp_path):
    for folder in ("rejects", "runs"):
        (tmp_path / folder).mkdir()
    return Places(tmp_path)


@pytest.fixture
def reject(places):
    """Let a run have rejected a row."""

    def reject(run_id):
        path = places.rejects / f"{run_id}.ndjson"
        writer = RejectWriter(path, run_id)
        writer.write(refused([1]))
        writer.close()
        return path

    return reject


@pytest.fixture
def leave_unread(places):
    """Let a run have rejected a row that could not be read."""

    def leave_unread(run_id):
        line = {"source": "a.csv", "row": 1, "values": None, "reasons": []}
        path = places.rejects / f"{run_id}.ndjson"
        path.write_text(json.dumps(line) + "\n", encoding="utf-8")
        return path

    return leave_unread


@pytest.fixture
def kill(places):
    """Let a replay have been killed."""

    def kill(run_id, replayed):
        moment = datetime(2026, 7, 4, 12, tzinfo=UTC)
        source = f"rejects of {replayed}"
        one = UnfinishedRun(run_id, source, HOMES, moment, 4711, "replay", replayed)
        path = places.runs / f"{run_id}.begun"
        path.write_text(json.dumps(one.as_dict()), encoding="utf-8")

    return kill


@pytest.fixture
def end(places):
    """Let a run have ended."""

    def end(run_id, source, status="loaded", read=2):
        counts = Counts(read=read, inserted=read)
        report = Report(run_id, status, source, HOMES, counts, 1.0)
        ReportStore(places.runs).save(report)

    return end


def test_it_is_the_newest_run_with_rows(places, reject, end, caplog):
    reject(FIRST)
    newest = reject(THIRD)
    for run_id in (FIRST, SECOND, THIRD, FOURTH):
        end(run_id, "a.csv", status="failed")
    assert NewestRejects(places).find_replayable() == newest
    assert caplog.text == ""


@pytest.mark.parametrize("has_rejected", [True, False])
def test_of_a_killed_replay_it_is_the_run_that_it_replays(
    has_rejected, places, reject, kill, caplog
):
    begun = reject(FIRST)
    reject(SECOND)
    if has_rejected:
        reject(THIRD)
    kill(THIRD, replayed=FIRST)
    assert NewestRejects(places).find_replayable() == begun
    said = f"run {THIRD} is a replay of the rejected rows of run {FIRST} that has not"
    assert said in caplog.text


@pytest.mark.parametrize("status", ["stopped", "failed", "interrupted"])
def test_of_a_replay_that_ended_early_it_is_the_run_that_it_replays(
    status, places, reject, end
):
    begun = reject(FIRST)
    reject(SECOND)
    end(SECOND, f"rejects of {FIRST}", status)
    assert NewestRejects(places).find_replayable() == begun


def test_of_a_killed_replay_of_a_replay_it_is_the_first_that_did_not_end(
    places, reject, kill, end
):
    begun, later = reject(FIRST), reject(SECOND)
    reject(THIRD)
    kill(THIRD, replayed=SECOND)
    end(SECOND, f"rejects of {FIRST}")
    assert NewestRejects(places).find_replayable() == later
    end(SECOND, f"rejects of {FIRST}", "stopped")
    assert NewestRejects(places).find_replayable() == begun


def test_a_run_that_rejected_rows_after_a_killed_replay_comes_first(
    places, reject, kill
):
    reject(FIRST)
    kill(SECOND, replayed=FIRST)
    newest = reject(THIRD)
    assert NewestRejects(places).find_replayable() == newest


def test_a_replay_that_could_not_begin_is_not_gone_on_with(places, reject, end):
    reject(FIRST)
    newer = reject(SECOND)
    end(THIRD, f"rejects of {FIRST}", "failed", read=0)
    assert NewestRejects(places).find_replayable() == newer


@pytest.mark.parametrize("are_left", [True, False])
def test_a_killed_replay_whose_rows_are_gone_has_rows_of_its_own(
    are_left, places, reject, leave_unread, kill
):
    if are_left:
        leave_unread(FIRST)
    own = reject(SECOND)
    kill(SECOND, replayed=FIRST)
    assert NewestRejects(places).find_replayable() == own


def test_rows_that_were_not_read_are_passed_over(places, reject, leave_unread, caplog):
    older = reject(FIRST)
    leave_unread(SECOND)
    assert NewestRejects(places).find_replayable() == older
    assert f"rejected rows of run {SECOND}, which could not be read" in caplog.text


def test_where_no_row_can_be_replayed_it_is_the_newest_run(places, leave_unread):
    leave_unread(FIRST)
    newest = leave_unread(SECOND)
    assert NewestRejects(places).find_replayable() == newest


@pytest.mark.parametrize("how", ["find", "find_replayable"])
def test_where_no_run_has_rejected_rows_it_is_said(places, kill, end, how):
    kill(SECOND, replayed=FIRST)
    end(FIRST, "a.csv")
    with pytest.raises(ConfigError, match="no run has left any rejected rows"):
        getattr(NewestRejects(places), how)()


@pytest.mark.parametrize("how", ["find", "find_replayable"])
@pytest.mark.parametrize("are_later", [True, False])
def test_what_is_looked_at_is_what_would_be_replayed(
    places, reject, kill, how, are_later, caplog
):
    begun = reject(FIRST)
    reject(SECOND)
    kill(SECOND, replayed=FIRST)
    expected = reject(THIRD) if are_later else begun
    assert getattr(NewestRejects(places), how)() == expected
    assert ("has not ended" in caplog.text) != are_later


def test_rows_that_were_not_read_are_looked_at(places, reject, leave_unread, caplog):
    reject(FIRST)
    newest = leave_unread(SECOND)
    assert NewestRejects(places).find() == newest
    assert caplog.text == ""


def test_what_a_run_replays_is_told(places, reject, kill, end):
    kill(SECOND, replayed=FIRST)
    end(THIRD, f"rejects of {FIRST}")
    end(FOURTH, f"rejects of {FIRST}", "stopped")
    end(FIRST, "a.csv")
    found = [
        NewestRejects(places).replay(one) for one in (FIRST, SECOND, THIRD, FOURTH)
    ]
    assert found == [
        None,
        Replay(FIRST, has_ended=False),
        Replay(FIRST, has_ended=True),
        Replay(FIRST, has_ended=False),
    ]
