"""`propload rejects export`: the files that it writes."""

from __future__ import annotations

import json
import os

import polars as pl
import pytest

from propload.batch import AS_OF, NUMBER, REASONS, ROW, SOURCE
from propload.rejecting import RejectedRows, RejectWriter, reading
from tests.unit.cli.rejected import RUNS, reject_one_row


@pytest.fixture
def run(run, state_dir):
    return lambda *arguments, answer=None: run("rejects", *arguments, input=answer)


@pytest.mark.parametrize("rows_at_once", [2, 4_000])
@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson"])
def test_export_writes_values_and_reasons(
    ending, rows_at_once, run, rejecting_runs, tmp_path, monkeypatch
):
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", rows_at_once)
    result = run("export", RUNS[0], "--output", f"out.{ending}")
    assert result.exit_code == 0, result.output
    reader = {
        "csv": pl.read_csv,
        "parquet": pl.read_parquet,
        "ndjson": pl.read_ndjson,
    }[ending]
    assert reader(tmp_path / f"out.{ending}").rows() == [
        (f"x\t{n}", "id: is not an integer") for n in range(3)
    ]


def test_export_keeps_columns_named_like_those_of_rejects(run, state_dir, tmp_path):
    values = {"source": "funda", "row": "1", "reasons": "none", "values": "few"}
    reject_one_row(state_dir, **values)
    result = run("export", RUNS[0], "--output", "out.ndjson")
    assert result.exit_code == 0, result.output
    written = pl.read_ndjson(tmp_path / "out.ndjson").row(0, named=True)
    assert written == {**values, "propload_reasons": "row: is odd"}


def test_export_to_csv_writes_nested_values_as_json(run, state_dir, tmp_path):
    reject_one_row(state_dir, row="1", tags=[["a", "b"]], place=[{"city": "Delft"}])
    result = run("export", RUNS[0], "--output", "out.csv")
    assert result.exit_code == 0, result.output
    written = pl.read_csv(tmp_path / "out.csv", infer_schema=False).row(0, named=True)
    assert json.loads(written["tags"]) == ["a", "b"]
    assert json.loads(written["place"]) == {"city": "Delft"}


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\t=1"])
def test_export_to_csv_keeps_formulas_and_warns_of_them(cell, run, state_dir, tmp_path):
    reject_one_row(state_dir, title=cell, price="-5", phone="+31 15 123")
    result = run("export", RUNS[0], "--output", "out.csv")
    assert "1 cell that a spreadsheet may run as a formula" in result.stderr
    written = pl.read_csv(tmp_path / "out.csv", infer_schema=False).row(0, named=True)
    assert (written["title"], written["price"]) == (cell, "-5")
    assert "formula" not in run("export", "--output", "out.ndjson").stderr


def test_unread_row_is_exported_in_full_and_shown_shortened(run, state_dir, tmp_path):
    text = "2," + "y" * 5_000
    origins = pl.DataFrame({ROW: [0], SOURCE: "-", NUMBER: 2, AS_OF: None})
    reason = {"stage": "read", "check": "ragged", "value": text, "message": "3 fields"}
    reasons = pl.DataFrame([{ROW: 0, **reason}], schema=REASONS)
    writer = RejectWriter(state_dir / "rejects" / f"{RUNS[0]}.ndjson", RUNS[0])
    writer.write(RejectedRows(origins.cast({ROW: pl.UInt32}), reasons, batch=0))
    writer.close()
    assert text not in (shown := run("show").stdout)
    assert "(5,002 characters)" in shown
    assert json.loads(run("show", "--json").stdout)["reasons"][0]["value"] == text
    assert run("export", "--output", "out.csv").exit_code == 0
    assert pl.read_csv(tmp_path / "out.csv").item() == f"row: 3 fields: {text}"


def test_export_that_parquet_cannot_hold_leaves_the_file_unchanged(
    run, rejecting_runs, state_dir, tmp_path
):
    path = state_dir / "rejects" / f"{RUNS[1]}.ndjson"
    text = path.read_text(encoding="utf-8").replace('"id":"', '"of":{},"id":"')
    path.write_text(text, encoding="utf-8")
    existing = tmp_path / "out.parquet"
    existing.write_bytes(b"mended")
    result = run("export", "--output", "out.parquet")
    assert result.exit_code == 2
    assert "out.parquet cannot be written: " in result.stderr
    assert "Write .ndjson" in result.stderr
    assert existing.read_bytes() == b"mended"
    assert [path.name for path in tmp_path.glob("*out.*")] == ["out.parquet"]
    assert run("export", "--output", "out.ndjson").exit_code == 0


def test_export_keeps_permissions_and_symlink_of_a_file(run, rejecting_runs, tmp_path):
    target = tmp_path / "before.csv"
    target.write_text("mended", encoding="utf-8")
    target.chmod(0o640)
    (tmp_path / "out.csv").symlink_to(target)
    assert run("export", "--output", "out.csv").exit_code == 0
    assert (tmp_path / "out.csv").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert "is not an integer" in target.read_text(encoding="utf-8")


def test_export_writes_into_a_pipe(run, rejecting_runs, tmp_path):
    pipe = tmp_path / "out.csv"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run("export", RUNS[0], "--output", "out.csv").exit_code == 0
    assert b"is not an integer" in os.read(end, 4_096)
    os.close(end)


def test_export_needs_an_output_file_of_a_known_format(run, rejecting_runs):
    assert run("export", "--output", "out.doc").exit_code == 2
    assert run("export").exit_code == 2


@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson"])
def test_export_to_a_missing_folder_advises_to_name_another_file(
    ending, run, rejecting_runs
):
    file = f"nowhere/a.{ending}"
    result = run("export", "--output", file)
    assert result.exit_code == 2
    assert " ".join(result.stderr.split()).endswith(
        f"{file} cannot be written: No such file or directory. Name a file elsewhere "
        "(--output FILE)"
    )
