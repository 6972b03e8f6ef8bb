"""A list of reports in a notebook."""

from __future__ import annotations

from types import SimpleNamespace

from propload.earlier_runs.shown_runs import ShownReports
from propload.report import Counts, Report, TargetName


def a_report(name, *, source="homes.csv"):
    counts = Counts(read=1_234, inserted=1_200, updated=30, rejected=4)
    return Report(name, "loaded", source, TargetName("db", "public.homes"), counts, 1.0)


def printed(reports):
    texts = []
    reports._repr_pretty_(SimpleNamespace(text=texts.append), False)
    return "".join(texts).splitlines()


def test_a_run_is_a_line():
    reports = ShownReports([a_report("one"), a_report("another")])
    assert printed(reports) == [
        "run      status  table          read  changed  rejected  source",
        "one      loaded  public.homes  1,234    1,230         4  homes.csv",
        "another  loaded  public.homes  1,234    1,230         4  homes.csv",
        "2 runs; each is a report: runs()[0]",
    ]
    html = reports._repr_html_()
    assert html.count("<tr>") == 3
    assert ">1,230</td>" in html


def test_fifty_runs_are_shown_and_all_are_there():
    reports = ShownReports(a_report(f"run {n}") for n in range(51))
    assert len(printed(reports)) == 52
    assert "51 runs, the newest 50 are shown" in printed(reports)[-1]
    assert reports._repr_html_().count("<tr>") == 51
    assert reports[50].run_id == "run 50"


def test_no_run_is_told():
    assert printed(ShownReports())[-1] == "no run has ended yet"
    assert "no run has ended yet" in ShownReports()._repr_html_()


def test_what_came_from_elsewhere_commands_nothing():
    reports = ShownReports([a_report("one", source="<script>\x1b[31m")])
    assert "<script>" not in reports._repr_html_()
    assert "\x1b" not in "".join(printed(reports))
