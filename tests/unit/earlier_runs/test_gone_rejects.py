"""Messages about rejected rows that were replayed or dropped."""

import pytest

import propload
from propload.earlier_runs.gone_rejects import find_rejected
from propload.errors import ConfigError
from propload.options import Places
from propload.rejecting import RejectWriter
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore
from tests.unit.rejecting.rows import rejected_rows

FIRST, SECOND, THIRD = (f"2026070{day}T120000-aa" for day in (1, 2, 3))


@pytest.fixture
def end_run(tmp_path):
    """Return a function that saves the report of an ended run."""

    def end_run(run_id, source, read, rejected=0, status="loaded"):
        counts = Counts(read=read, inserted=read - rejected, rejected=rejected)
        target = TargetName("local", "public.homes")
        report = Report(run_id, status, source, target, counts, 1.0)
        ReportStore(tmp_path / "runs").save(report)

    return end_run


@pytest.fixture
def reject_row(tmp_path):
    def reject_row(run_id):
        path = tmp_path / "rejects" / f"{run_id}.ndjson"
        writer = RejectWriter(path, run_id)
        writer.write(rejected_rows([1]))
        writer.close()
        return path

    return reject_row


def error_for(tmp_path, run_id):
    with pytest.raises(ConfigError) as caught:
        find_rejected(run_id, Places(tmp_path))
    return str(caught.value)


def test_existing_rejects_are_found(tmp_path, end_run, reject_row):
    end_run(FIRST, "a.csv", 9, rejected=5)
    path = reject_row(FIRST)
    end_run(SECOND, f"rejects of {FIRST}", 5)
    assert find_rejected(FIRST, Places(tmp_path)) == path
    assert find_rejected("", Places(tmp_path)) == path


def test_error_names_the_run_that_replayed_all_rows(tmp_path, end_run):
    end_run(FIRST, "a.csv", 9, rejected=5)
    end_run(SECOND, f"rejects of {FIRST}", 5)
    message = (
        f"nothing is left of the 5 rows that run {FIRST} rejected: run {SECOND} has "
        "replayed 5 rows"
    )
    assert error_for(tmp_path, FIRST) == error_for(tmp_path, FIRST[:9]) == message


def test_error_counts_rows_that_the_replay_rejected_again(
    tmp_path, end_run, reject_row
):
    end_run(FIRST, "a.csv", 9, rejected=5)
    end_run(SECOND, f"rejects of {FIRST}", 5, rejected=2)
    again = "has replayed 5 rows, 2 of which it rejected again"
    assert error_for(tmp_path, FIRST).endswith(again)
    reject_row(SECOND)
    assert f"{again} (propload rejects show {SECOND}" in error_for(tmp_path, FIRST)


def test_error_names_all_runs_that_replayed_some_of_the_rows(tmp_path, end_run):
    end_run(FIRST, "a.csv", 9, rejected=5)
    end_run(SECOND, f"rejects of {FIRST}", 3)
    end_run(THIRD, f"rejects of {FIRST}", 2)
    ending = f"run {SECOND} has replayed 3 rows and run {THIRD} has replayed 2 rows"
    assert error_for(tmp_path, FIRST).endswith(ending)


def test_rows_that_no_replay_has_loaded_are_reported_as_dropped(tmp_path, end_run):
    end_run(FIRST, "a.csv", 9, rejected=5)
    end_run(SECOND, f"rejects of {FIRST}", 5, status="stopped")
    end_run(THIRD, f"rejects of {SECOND}", 5)
    assert error_for(tmp_path, FIRST).endswith(
        f"run {FIRST} rejected: they were dropped"
    )
    with pytest.raises(ConfigError, match="they were dropped"):
        propload.rejects(FIRST, state_dir=tmp_path)


def test_error_says_that_a_run_rejected_no_rows(tmp_path, end_run):
    end_run(FIRST, "a.csv", 9)
    assert error_for(tmp_path, FIRST) == f"run {FIRST} has rejected no rows"


@pytest.mark.parametrize("run_id", ["2025", "2026"])
def test_error_repeats_an_unknown_or_ambiguous_name_of_a_run(run_id, tmp_path, end_run):
    end_run(FIRST, "a.csv", 9)
    end_run(SECOND, "a.csv", 9)
    assert f"run '{run_id}': no rejected rows" in error_for(tmp_path, run_id)


def test_frame_of_replayed_rejects_is_empty_with_a_warning(
    tmp_path, end_run, reject_row, caplog
):
    reject_row(THIRD)
    columns = [
        name
        for name in propload.rejects(state_dir=tmp_path).columns
        if name.startswith("propload_")
    ]
    end_run(FIRST, "a.csv", 9, rejected=5)
    end_run(SECOND, f"rejects of {FIRST}", 5)
    found = propload.rejects(FIRST, state_dir=tmp_path)
    assert (found.height, found.columns) == (0, columns)
    assert f"run {SECOND} has replayed 5 rows" in caplog.text
