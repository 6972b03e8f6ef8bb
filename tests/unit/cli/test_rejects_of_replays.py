"""`propload rejects` while a replay that rejected rows again has not ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from propload.rejecting import RejectWriter
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore
from propload.state.unfinished_runs import UnfinishedRun
from tests.unit.rejecting.rows import rejected_rows

FIRST, KILLED, LATER = (f"2026070{day}T120000-aa" for day in (1, 2, 3))
HOMES = TargetName("local", "public.homes")


@pytest.fixture
def run(run):
    return lambda *arguments: run("rejects", *arguments)


@pytest.fixture
def reject(state_dir):
    """Return a function that writes so many rejected rows of a run."""

    def reject(run_id, rows):
        writer = RejectWriter(state_dir / "rejects" / f"{run_id}.ndjson", run_id)
        writer.write(rejected_rows(list(range(rows))))
        writer.close()

    return reject


@pytest.fixture
def killed_replay(state_dir, reject):
    """Leave a replay that was killed after it had rejected one of three rows again."""
    reject(FIRST, 3)
    reject(KILLED, 1)
    moment, source = datetime(2026, 7, 2, 12, tzinfo=UTC), f"rejects of {FIRST}"
    one = UnfinishedRun(KILLED, source, HOMES, moment, 4711, "replay", FIRST)
    path = state_dir / "runs" / f"{KILLED}.begun"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(one.as_dict()))


def rows_of(shown):
    """Return the rows whose reasons are shown."""
    return {line.split("\t")[0] for line in shown.splitlines()[1:]}


@pytest.mark.parametrize(
    "arguments", [("show",), ("show", "--json"), ("export", "-o", "out.csv")]
)
def test_show_and_export_include_rows_that_a_killed_replay_left(
    arguments, run, killed_replay, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 0
    [message] = [line for line in result.stderr.splitlines() if KILLED in line]
    assert f"run {KILLED} is a replay of the rejected rows of run {FIRST}" in message
    if arguments[0] == "export":
        assert len((tmp_path / "out.csv").read_text().splitlines()) == 1 + 3
    elif "--json" in arguments:
        assert len(result.stdout.splitlines()) == 3
    else:
        assert rows_of(result.stdout) == {"a.csv:1", "a.csv:2", "a.csv:3"}


def test_newest_run_is_shown_without_mention_of_a_replay(run, killed_replay, reject):
    reject(LATER, 2)
    result = run("show")
    assert result.stderr == f"rejected rows of run {LATER}\n"


def test_replay_that_is_named_is_shown_by_itself(run, killed_replay):
    result = run("show", KILLED)
    assert result.stderr == f"rejected rows of run {KILLED}\n"
    assert rows_of(result.stdout) == {"a.csv:1"}


def test_list_shows_which_run_was_replayed_and_whether_that_ended(
    run, killed_replay, reject, state_dir
):
    reject(LATER, 2)
    reports = ReportStore(state_dir / "runs")
    counts = Counts(read=3, inserted=1, rejected=2)
    reports.save(Report(LATER, "loaded", f"rejects of {FIRST}", HOMES, counts, 1.0))
    heading, *lines = [line.split("\t") for line in run("list").stdout.splitlines()]
    place = heading.index("replay of")
    assert {line[0]: line[place] for line in lines} == {
        LATER: FIRST,
        KILLED: f"{FIRST}, not ended",
        FIRST: "",
    }
    replays = {
        one["run_id"]: one["replay"] for one in json.loads(run("list", "--json").stdout)
    }
    assert replays == {
        LATER: {"replayed": FIRST, "has_ended": True},
        KILLED: {"replayed": FIRST, "has_ended": False},
        FIRST: None,
    }


def test_list_without_replays_has_no_column_for_them(run, reject):
    reject(FIRST, 3)
    assert "replay of" not in run("list").stdout
