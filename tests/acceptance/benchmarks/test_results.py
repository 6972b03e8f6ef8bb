"""Runs are started from the command line, kept and reported."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from unittest.mock import Mock

import polars as pl
import pytest

from benchmarks import (
    machine,
    measuring,
    peers,
    stages,
)
from tests.acceptance.benchmarks.answering import run_small

pytestmark = [
    pytest.mark.timeout(240),
    # these tests are of the measuring; the version of the server does not matter
    pytest.mark.one_server,
]


def test_run_is_kept_and_written_as_json(database, tmp_path, monkeypatch, capsys):
    json_file = tmp_path / "told.json"
    flags = ["--rows", "500", "--runs", "1", "--to", database, "--json", str(json_file)]
    monkeypatch.setattr(sys, "argv", ["stages", *flags, "--only", "check"])
    measuring.main(stages)
    assert stages.QUESTION in capsys.readouterr().out
    cases = json.loads(json_file.read_text(encoding="utf-8"))["cases"]
    assert [case["stage"] for case in cases] == ["check"]
    kept = measuring.results("stages")
    assert kept.height == 1
    facts = json.loads(kept.item(0, "machine"))
    assert "polars" in facts
    assert facts["processor"]
    assert facts["psycopg"]
    assert facts["server"]["synchronous_commit"] in {"on", "off", "local"}
    assert facts["server"]["shared_buffers"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "is_shown"), [(Terminal, True), (io.StringIO, False)]
)
def test_progress_is_shown_only_on_a_terminal(monkeypatch, stream, is_shown):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream())
    cases = [measuring.Case({"peer": name}, 1, dict) for name in ("first", "[second]")]
    assert measuring.measure(cases, measuring.Options(1, runs=2)).height == 4
    shown = sys.stderr.getvalue()
    assert ("1 of 6 runs, now peer [second] (warming up)" in shown) == is_shown
    assert bool(shown) == is_shown


def test_run_from_a_notebook_is_kept(database):
    frame = run_small(stages, database, 500, only=["check"])
    kept = measuring.results("stages")
    assert kept.drop("measured_at", "machine").equals(frame)
    assert json.loads(kept.item(0, "machine"))["server"]["fsync"]


def test_runs_that_end_at_the_same_moment_are_all_kept(monkeypatch):
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    monkeypatch.setattr(measuring, "datetime", Mock(now=lambda _: moment))
    for rows in (1, 2):
        measuring.keep("stages", pl.DataFrame({"rows": [rows]}), {})
    assert sorted(measuring.results("stages").get_column("rows")) == [1, 2]


def test_processor_is_named_even_without_cpuinfo(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(machine, "CPU_FACTS", cpuinfo)
    assert machine.processor()
    cpuinfo.write_text("processor : 0\nmodel name : Fast 9000\n", encoding="utf-8")
    assert machine.processor() == "Fast 9000"


def test_selection_that_matches_no_case_is_an_error(database, monkeypatch):
    flags = ["--rows", "100", "--runs", "1", "--to", database, "--only", "nothing"]
    monkeypatch.setattr(sys, "argv", ["stages", *flags])
    with pytest.raises(SystemExit, match="no case has one of nothing in a label"):
        measuring.main(stages)


@pytest.mark.parametrize(
    "flags", [["--input", "a.csv"], ["--input", "a", "b", "c", "--key", "id"]]
)
def test_input_without_a_key_or_of_too_many_files_is_refused(
    flags, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["peers", *flags])
    with pytest.raises(SystemExit):
        measuring.main(peers)
    assert "needs --key" in capsys.readouterr().err
