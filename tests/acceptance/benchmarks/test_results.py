"""A run is asked for on the command line, kept and told."""

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
from tests.acceptance.benchmarks.answering import answer

pytestmark = [
    pytest.mark.timeout(240),
    # what is tested is how things are measured; a server is only where rows go
    pytest.mark.one_server,
]


def test_a_run_is_kept_and_told(database, tmp_path, monkeypatch, capsys):
    told = tmp_path / "told.json"
    flags = ["--rows", "500", "--runs", "1", "--to", database, "--json", str(told)]
    monkeypatch.setattr(sys, "argv", ["stages", *flags, "--only", "check"])
    measuring.main(stages)
    assert stages.QUESTION in capsys.readouterr().out
    cases = json.loads(told.read_text(encoding="utf-8"))["cases"]
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
    ("stream", "is_told"), [(Terminal, True), (io.StringIO, False)]
)
def test_a_terminal_is_told_how_far_the_runs_are(monkeypatch, stream, is_told):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream())
    cases = [measuring.Case({"peer": name}, 1, dict) for name in ("first", "[second]")]
    assert measuring.measure(cases, measuring.Options(1, runs=2)).height == 4
    shown = sys.stderr.getvalue()
    assert ("1 of 6 runs, now peer [second] (warming up)" in shown) == is_told
    assert bool(shown) == is_told


def test_what_a_notebook_measures_is_kept(database):
    frame = answer(stages, database, 500, only=["check"])
    kept = measuring.results("stages")
    assert kept.drop("measured_at", "machine").equals(frame)
    assert json.loads(kept.item(0, "machine"))["server"]["fsync"]


def test_runs_that_end_at_once_are_all_kept(monkeypatch):
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    monkeypatch.setattr(measuring, "datetime", Mock(now=lambda _: moment))
    for rows in (1, 2):
        measuring.keep("stages", pl.DataFrame({"rows": [rows]}), {})
    assert sorted(measuring.results("stages").get_column("rows")) == [1, 2]


def test_a_system_that_does_not_name_its_processor_tells_its_kind(
    monkeypatch, tmp_path
):
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr(machine, "CPU_FACTS", told)
    assert machine.processor()
    told.write_text("processor : 0\nmodel name : Fast 9000\n", encoding="utf-8")
    assert machine.processor() == "Fast 9000"


def test_a_part_of_no_label_is_said(database, monkeypatch):
    flags = ["--rows", "100", "--runs", "1", "--to", database, "--only", "nothing"]
    monkeypatch.setattr(sys, "argv", ["stages", *flags])
    with pytest.raises(SystemExit, match="no case has one of nothing in a label"):
        measuring.main(stages)


@pytest.mark.parametrize("flags", [["--input", "a.csv"], ["--input", "a", "b", "c"]])
def test_input_without_a_key_or_of_too_many_files_is_refused(
    flags, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["peers", *flags])
    with pytest.raises(SystemExit):
        measuring.main(peers)
    assert "needs --key" in capsys.readouterr().err
