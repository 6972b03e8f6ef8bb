"""Which run's rejected rows are shown or replayed if no run is named."""

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
from tests.unit.rejecting.rows import rejected_rows

FIRST, SECOND, THIRD, FOURTH = (f"2026070{day}T120000-aa" for day in (1, 2, 3, 4))
HOMES = TargetName("local", "public.homes")


@pytest.fixture
def places(tmp_path):
    for folder in ("rejects", "runs"):
        (tmp_path / folder).mkdir()
    return Places(tmp_path)


@pytest.fixture
def reject_row(places):
    """Return a function that writes one rejected row of a run."""

    def reject_row(run_id):
        path = places.rejects / f"{run_id}.ndjson"
        writer = RejectWriter(path, run_id)
        writer.write(rejected_rows([1]))
        writer.close()
        return path

    return reject_row


@pytest.fixture
def reject_unread_row(places):
    """Return a function that writes a rejected row that could not be read."""

    def reject_unread_row(run_id):
        line = {"source": "a.csv", "row": 1, "values": None, "reasons": []}
        path = places.rejects / f"{run_id}.ndjson"
        path.write_text(json.dumps(line) + "\n", encoding="utf-8")
        return path

    return reject_unread_row


@pytest.fixture
def leave_killed_replay(places):
    """Return a function that leaves the note of a killed replay."""

    def leave_killed_replay(run_id, replayed):
        moment = datetime(2026, 7, 4, 12, tzinfo=UTC)
        source = f"rejects of {replayed}"
        one = UnfinishedRun(run_id, source, HOMES, moment, 4711, "replay", replayed)
        path = places.runs / f"{run_id}.begun"
        path.write_text(json.dumps(one.as_dict()), encoding="utf-8")

    return leave_killed_replay


@pytest.fixture
def end_run(places):
    """Return a function that saves the report of an ended run."""

    def end_run(run_id, source, status="loaded", read=2):
        counts = Counts(read=read, inserted=read)
        report = Report(run_id, status, source, HOMES, counts, 1.0)
        ReportStore(places.runs).save(report)

    return end_run


def test_newest_run_with_rejects_is_replayed(places, reject_row, end_run, caplog):
    reject_row(FIRST)
    newest = reject_row(THIRD)
    for run_id in (FIRST, SECOND, THIRD, FOURTH):
        end_run(run_id, "a.csv", status="failed")
    assert NewestRejects(places).find_replayable() == newest
    assert caplog.text == ""


@pytest.mark.parametrize("has_rejected", [True, False])
def test_killed_replay_is_continued_with_the_run_it_replayed(
    has_rejected, places, reject_row, leave_killed_replay, caplog
):
    replayed = reject_row(FIRST)
    reject_row(SECOND)
    if has_rejected:
        reject_row(THIRD)
    leave_killed_replay(THIRD, replayed=FIRST)
    assert NewestRejects(places).find_replayable() == replayed
    message = (
        f"run {THIRD} is a replay of the rejected rows of run {FIRST} that has not"
    )
    assert message in caplog.text


@pytest.mark.parametrize("status", ["stopped", "failed", "interrupted"])
def test_replay_that_ended_early_is_continued_with_its_run(
    status, places, reject_row, end_run
):
    replayed = reject_row(FIRST)
    reject_row(SECOND)
    end_run(SECOND, f"rejects of {FIRST}", status)
    assert NewestRejects(places).find_replayable() == replayed


def test_nested_replays_continue_with_the_first_that_did_not_end(
    places, reject_row, leave_killed_replay, end_run
):
    replayed, later = reject_row(FIRST), reject_row(SECOND)
    reject_row(THIRD)
    leave_killed_replay(THIRD, replayed=SECOND)
    end_run(SECOND, f"rejects of {FIRST}")
    assert NewestRejects(places).find_replayable() == later
    end_run(SECOND, f"rejects of {FIRST}", "stopped")
    assert NewestRejects(places).find_replayable() == replayed


def test_newer_rejects_take_precedence_over_a_killed_replay(
    places, reject_row, leave_killed_replay
):
    reject_row(FIRST)
    leave_killed_replay(SECOND, replayed=FIRST)
    newest = reject_row(THIRD)
    assert NewestRejects(places).find_replayable() == newest


def test_replay_that_failed_before_its_first_row_is_not_continued(
    places, reject_row, end_run
):
    reject_row(FIRST)
    newer = reject_row(SECOND)
    end_run(THIRD, f"rejects of {FIRST}", "failed", read=0)
    assert NewestRejects(places).find_replayable() == newer


@pytest.mark.parametrize("has_unread_row", [True, False])
def test_killed_replay_is_itself_replayed_if_its_run_has_no_rows_left(
    has_unread_row, places, reject_row, reject_unread_row, leave_killed_replay
):
    if has_unread_row:
        reject_unread_row(FIRST)
    expected = reject_row(SECOND)
    leave_killed_replay(SECOND, replayed=FIRST)
    assert NewestRejects(places).find_replayable() == expected


def test_rows_that_could_not_be_read_are_not_replayed(
    places, reject_row, reject_unread_row, caplog
):
    older = reject_row(FIRST)
    reject_unread_row(SECOND)
    assert NewestRejects(places).find_replayable() == older
    assert f"rejected rows of run {SECOND}, which could not be read" in caplog.text


def test_newest_run_is_taken_if_no_row_can_be_replayed(places, reject_unread_row):
    reject_unread_row(FIRST)
    newest = reject_unread_row(SECOND)
    assert NewestRejects(places).find_replayable() == newest


@pytest.mark.parametrize("method", ["find", "find_replayable"])
def test_error_says_that_no_run_has_left_rejects(
    places, leave_killed_replay, end_run, method
):
    leave_killed_replay(SECOND, replayed=FIRST)
    end_run(FIRST, "a.csv")
    with pytest.raises(ConfigError, match="no run has left any rejected rows"):
        getattr(NewestRejects(places), method)()


@pytest.mark.parametrize("method", ["find", "find_replayable"])
@pytest.mark.parametrize("has_newer_rejects", [True, False])
def test_rejects_that_are_shown_are_those_that_would_be_replayed(
    places, reject_row, leave_killed_replay, method, has_newer_rejects, caplog
):
    replayed = reject_row(FIRST)
    reject_row(SECOND)
    leave_killed_replay(SECOND, replayed=FIRST)
    expected = reject_row(THIRD) if has_newer_rejects else replayed
    assert getattr(NewestRejects(places), method)() == expected
    assert ("has not ended" in caplog.text) != has_newer_rejects


def test_rows_that_could_not_be_read_are_shown(
    places, reject_row, reject_unread_row, caplog
):
    reject_row(FIRST)
    newest = reject_unread_row(SECOND)
    assert NewestRejects(places).find() == newest
    assert caplog.text == ""


def test_replay_knows_its_run_and_whether_it_has_ended(
    places, reject_row, leave_killed_replay, end_run
):
    leave_killed_replay(SECOND, replayed=FIRST)
    end_run(THIRD, f"rejects of {FIRST}")
    end_run(FOURTH, f"rejects of {FIRST}", "stopped")
    end_run(FIRST, "a.csv")
    found = [
        NewestRejects(places).replay(one) for one in (FIRST, SECOND, THIRD, FOURTH)
    ]
    assert found == [
        None,
        Replay(FIRST, has_ended=False),
        Replay(FIRST, has_ended=True),
        Replay(FIRST, has_ended=False),
    ]
