"""How a notebook shows a list of reports."""

from __future__ import annotations

from types import SimpleNamespace

from propload.earlier_runs.shown_runs import ShownReports
from propload.report import Counts, Report, TargetName


def make_report(name, *, source="homes.csv"):
    counts = Counts(read=1_234, inserted=1_200, updated=30, rejected=4)
    return Report(name, "loaded", source, TargetName("db", "public.homes"), counts, 1.0)


def printed_lines(reports):
    texts = []
    reports._repr_pretty_(SimpleNamespace(text=texts.append), False)
    return "".join(texts).splitlines()


def test_each_run_is_one_line():
    reports = ShownReports([make_report("one"), make_report("another")])
    assert printed_lines(reports) == [
        "run      status  table          read  changed  rejected  source",
        "one      loaded  public.homes  1,234    1,230         4  homes.csv",
        "another  loaded  public.homes  1,234    1,230         4  homes.csv",
        "2 runs; each is a report: runs()[0]",
    ]
    html = reports._repr_html_()
    assert html.count("<tr>") == 3
    assert ">1,230</td>" in html


def test_fifty_runs_are_shown_but_all_can_be_indexed():
    reports = ShownReports(make_report(f"run {n}") for n in range(51))
    assert len(printed_lines(reports)) == 52
    assert "51 runs, the newest 50 are shown" in printed_lines(reports)[-1]
    assert reports._repr_html_().count("<tr>") == 51
    assert reports[50].run_id == "run 50"


def test_empty_list_says_that_no_run_has_ended():
    assert printed_lines(ShownReports())[-1] == "no run has ended yet"
    assert "no run has ended yet" in ShownReports()._repr_html_()


def test_html_and_control_characters_in_a_source_are_escaped():
    reports = ShownReports([make_report("one", source="<script>\x1b[31m")])
    assert "<script>" not in reports._repr_html_()
    assert "\x1b" not in "".join(printed_lines(reports))
