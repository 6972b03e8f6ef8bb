"""What is said of rejected rows that are asked for and are no more."""

import pytest

import propload
from propload.earlier_runs.gone_rejects import find_rejected
from propload.errors import ConfigError
from propload.options import Places
from propload.rejecting import RejectWriter
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore
from tests.unit.rejecting.making import refused

FIRST, SECOND, THIRD = (f"2026070{day}T120000-aa" for day in (1, 2, 3))


@pytest.fixture
def end(tmp_path):
    """Let a run have ended. Value: does it."""

    def end(run_id, source, read, rejected=0, status="loaded"):
        counts = Counts(read=read, inserted=read - rejected, rejected=rejected)
        target = TargetName("local", "public.homes")
        report = Report(run_id, status, source, target, counts, 1.0)
        ReportStore(tmp_path / "runs").save(report)

    return end


@pytest.fixture
def reject(tmp_path):
    def reject(run_id):
        path = tmp_path / "rejects" / f"{run_id}.ndjson"
        writer = RejectWriter(path, run_id)
        writer.write(refused([1]))
        writer.close()
        return path

    return reject


def said(tmp_path, run_id):
    with pytest.raises(ConfigError) as caught:
        find_rejected(run_id, Places(tmp_path))
    return str(caught.value)


def test_rows_that_are_there_are_found(tmp_path, end, reject):
    end(FIRST, "a.csv", 9, rejected=5)
    path = reject(FIRST)
    end(SECOND, f"rejects of {FIRST}", 5)
    assert find_rejected(FIRST, Places(tmp_path)) == path
    assert find_rejected("", Places(tmp_path)) == path


def test_the_run_that_replayed_all_of_them_is_named(tmp_path, end):
    end(FIRST, "a.csv", 9, rejected=5)
    end(SECOND, f"rejects of {FIRST}", 5)
    told = (
        f"nothing is left of the 5 rows that run {FIRST} rejected: run {SECOND} has "
        "replayed 5 rows"
    )
    assert said(tmp_path, FIRST) == said(tmp_path, FIRST[:9]) == told


def test_what_it_rejected_again_is_told(tmp_path, end, reject):
    end(FIRST, "a.csv", 9, rejected=5)
    end(SECOND, f"rejects of {FIRST}", 5, rejected=2)
    again = "has replayed 5 rows, 2 of which it rejected again"
    assert said(tmp_path, FIRST).endswith(again)
    reject(SECOND)
    assert f"{again} (propload rejects show {SECOND}" in said(tmp_path, FIRST)


def test_all_runs_that_replayed_some_are_named(tmp_path, end):
    end(FIRST, "a.csv", 9, rejected=5)
    end(SECOND, f"rejects of {FIRST}", 3)
    end(THIRD, f"rejects of {FIRST}", 2)
    told = f"run {SECOND} has replayed 3 rows and run {THIRD} has replayed 2 rows"
    assert said(tmp_path, FIRST).endswith(told)


def test_rows_that_no_replay_has_loaded_were_dropped(tmp_path, end):
    end(FIRST, "a.csv", 9, rejected=5)
    end(SECOND, f"rejects of {FIRST}", 5, status="stopped")
    end(THIRD, f"rejects of {SECOND}", 5)
    assert said(tmp_path, FIRST).endswith(f"run {FIRST} rejected: they were dropped")
    with pytest.raises(ConfigError, match="they were dropped"):
        propload.rejects(FIRST, state_dir=tmp_path)


def test_a_run_that_rejected_none_is_told_to_have_rejected_none(tmp_path, end):
    end(FIRST, "a.csv", 9)
    assert said(tmp_path, FIRST) == f"run {FIRST} has rejected no rows"


@pytest.mark.parametrize("run_id", ["2025", "2026"])
def test_a_run_that_nobody_knows_is_named_as_it_was_given(run_id, tmp_path, end):
    end(FIRST, "a.csv", 9)
    end(SECOND, "a.csv", 9)
    assert f"run '{run_id}': no rejected rows" in said(tmp_path, run_id)


def test_a_frame_of_rows_that_were_all_replayed_is_empty(tmp_path, end, reject, caplog):
    reject(THIRD)
    own = [
        name
        for name in propload.rejects(state_dir=tmp_path).columns
        if name.startswith("propload_")
    ]
    end(FIRST, "a.csv", 9, rejected=5)
    end(SECOND, f"rejects of {FIRST}", 5)
    found = propload.rejects(FIRST, state_dir=tmp_path)
    assert (found.height, found.columns) == (0, own)
    assert f"run {SECOND} has replayed 5 rows" in caplog.text
