import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from propload.errors import CountsError
from propload.messages.suggested_commands import Commands
from propload.report import (
    Counts,
    ReasonCount,
    Report,
    TargetName,
    from_dict,
)

REPORT = Report(
    run_id="20260101T120000-ab12",
    status="loaded",
    source="homes.csv",
    target=TargetName("localhost/homes", "public.listing"),
    counts=Counts(read=10, inserted=6, updated=1, unchanged=1, rejected=2),
    seconds=2.0,
    peak_memory_bytes=100 << 20,
    batches=1,
    reasons_counted=(
        ReasonCount("check", "price", "ge", 2, "price is <script> negative"),
    ),
    warnings=(ReasonCount("warning", "area", "plausible", 1, "area is large"),),
    rejects_path="rejects/x.ndjson",
    settings={"workers": 2},
    notes=("a note",),
    began=datetime(2026, 1, 1, 12, tzinfo=UTC),
)


def test_json_has_the_documented_keys_in_order():
    keys = list(json.loads(REPORT.to_json()))
    assert keys[:14] == [
        "run_id", "status", "source", "target", "counts", "began",
        "seconds", "rows_per_second", "peak_memory_bytes", "batches", "retries",
        "reasons", "warnings", "rejects_path",
    ]  # fmt: skip
    assert "settings" in keys


def test_notebook_output_has_no_path_of_the_machine(tmp_path):
    rejects = tmp_path / "x.ndjson"
    rejects.touch()
    shown = []
    flag = f" --state-dir {tmp_path}"
    report = replace(
        REPORT,
        rejects_path=str(rejects),
        commands=Commands(flag, str(tmp_path)),
        notes=tuple(f"{tmp_path}/journal/{number}" for number in range(30)),
        message=f"{tmp_path}/x cannot be read. To continue: propload recover{flag}",
    )
    report._repr_pretty_(SimpleNamespace(text=shown.append), False)
    assert str(report).endswith(flag)
    assert str(tmp_path) not in shown[0] + report._repr_html_()
    assert "…/journal/1" in shown[0]


def test_report_survives_a_json_round_trip():
    again = from_dict(json.loads(REPORT.to_json()))
    assert again == REPORT


def test_resumed_run_reports_the_speed_of_its_own_reading():
    # 6 of the 10 rows were read by an earlier process
    report = replace(REPORT, pace=2.0)
    assert "2 rows/s" in str(report)
    saved = json.loads(report.to_json())
    assert saved["rows_per_second"] == 2
    assert from_dict(saved).rows_per_second == 2
    # a report that an earlier version saved
    del saved["rows_per_second"]
    assert from_dict(saved).rows_per_second == 5


def test_text_shows_counts_reasons_warnings_and_the_rejects_command(tmp_path):
    rejects = tmp_path / "x.ndjson"
    rejects.touch()
    text = str(replace(REPORT, rejects_path=str(rejects)))
    assert "homes.csv → public.listing in localhost/homes: loaded" in text
    assert "5 rows/s" in text
    assert "  2  check price ge: such as price is <script> negative" in text
    assert "  1  warning area plausible: area is large" in text
    assert "1 batch, 0 retries" in text
    assert "propload rejects show 20260101T120000-ab12" in text
    assert "stale" not in text


def test_report_names_its_run_and_when_that_began():
    name = "run 20260101T120000-ab12, began 2026-01-01 12:00:00 UTC"
    assert f"  {name}\n" in str(REPORT)
    assert name in REPORT._repr_html_()


def test_saved_report_without_a_beginning_can_be_read_and_shown():
    saved = json.loads(REPORT.to_json())
    del saved["began"]
    old = from_dict(saved)
    assert old == replace(REPORT, began=None)
    assert "  run 20260101T120000-ab12\n" in str(old)


def test_headline_does_not_say_loaded_if_every_row_was_rejected():
    report = replace(REPORT, counts=Counts(read=10, rejected=10))
    headline = str(report).splitlines()[0]
    assert headline.endswith("every row was rejected, nothing is loaded")
    assert "nothing is loaded" in report._repr_html_()


def test_html_escapes_values_of_rows():
    html = REPORT._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_html_shows_one_message_of_several_rows_as_an_example():
    html = REPORT._repr_html_()
    assert ">such as price is &lt;script&gt; negative</td>" in html
    assert ">area is large</td>" in html


def test_html_keeps_a_short_text_on_one_line_beside_a_long_one():
    reasons = (ReasonCount("map", "price", "cast", 1, "on request " * 9),)
    html = replace(REPORT, reasons_counted=reasons)._repr_html_()
    assert re.search("<td style='white-space:nowrap;[^']*'>map price cast</td>", html)
    assert re.search("<td style='padding[^']*'>on request", html)


def test_html_turns_mathjax_off_and_aligns_text_left():
    html = REPORT._repr_html_()
    # as pandas marks its frames if use_mathjax is off
    assert html.startswith("<div class='tex2jax_ignore mathjax_ignore'>")
    # JupyterLab aligns cells to the right, which suits only numbers
    assert re.search("<td style='[^']*text-align:left'>area is large</td>", html)


def test_html_pads_every_cell():
    html = REPORT._repr_html_()
    cells = re.findall("<t[dh][^>]*>", html)
    assert cells
    assert all("padding:" in cell for cell in cells)


@pytest.mark.parametrize(("count", "more"), [(20, False), (21, True)])
def test_html_shows_twenty_reasons_and_counts_the_others(count, more):
    reasons = tuple(ReasonCount("check", f"c{n}", "ge", 1) for n in range(count))
    html = replace(REPORT, reasons_counted=reasons)._repr_html_()
    assert html.count("check c") == 20
    assert ("<p>1 more: report.reasons</p>" in html) is more


def test_control_characters_are_escaped_in_ipython():
    printed = []
    printer = SimpleNamespace(text=printed.append)
    replace(REPORT, message="\x1b]0;owned\x07")._repr_pretty_(printer, False)
    assert r"\x1b]0;owned\x07" in printed[0]
    assert "\x1b" not in printed[0]


def test_reason_without_a_message_shows_its_check():
    assert ReasonCount("check", None, "unique", 3).said == "unique"
    assert ReasonCount("check", None, "unique", 3).where == "check unique"


def test_reasons_are_a_frame():
    frame = REPORT.reasons
    assert frame.columns == ["stage", "column", "check", "rows", "example"]
    assert frame.row(0)[:4] == ("check", "price", "ge", 2)
    assert replace(REPORT, reasons_counted=()).reasons.height == 0


def test_rejects_without_a_file_are_an_empty_frame():
    assert REPORT.rejects.height == 0


OUTCOMES = ("inserted", "updated", "unchanged", "stale", "duplicates", "rejected")
#: Counts of rows by outcome, all different so that none can stand for another.
COUNTS_BY_OUTCOME = dict(zip(OUTCOMES, (1, 2, 4, 8, 16, 32), strict=True))


def test_counts_that_add_up_to_the_rows_read_are_accepted():
    counts = Counts(read=63, **COUNTS_BY_OUTCOME)
    assert (counts.stored, counts.accounted) == (15, 63)
    counts.verify()


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_row_missing_from_any_count_raises_counts_error(outcome):
    counts = Counts(
        read=63, **{**COUNTS_BY_OUTCOME, outcome: COUNTS_BY_OUTCOME[outcome] - 1}
    )
    with pytest.raises(CountsError, match=r"63 rows were read but 62 are accounted"):
        counts.verify()


def test_negative_count_is_an_error_even_if_the_sum_is_right():
    counts = Counts(read=1, inserted=2, rejected=-1)
    assert not counts.possible
    with pytest.raises(CountsError, match="1 row was read but 1 is accounted"):
        counts.verify()


def test_counts_of_parts_are_added_outcome_by_outcome():
    total = Counts(1, 2, 3, 4, 5, 6, 7) + Counts(10, 20, 30, 40, 50, 60, 70)
    assert total == Counts(11, 22, 33, 44, 55, 66, 77)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(read=3, rejected=2, duplicates=1), True),
        (Counts(read=3, rejected=2, unchanged=1), False),
        # no row was read, so none was rejected
        (Counts(), False),
        (Counts(read=2, duplicates=2), False),
    ],
)
def test_all_rejected_needs_a_rejected_row_and_none_stored(counts, expected):
    assert counts.all_rejected is expected


def test_text_of_a_report_line_by_line():
    lines = str(replace(REPORT, rejects_path=None, message="it ended early"))
    assert lines.splitlines() == [
        "homes.csv → public.listing in localhost/homes: loaded",
        "  it ended early",
        "  read       10",
        "  inserted    6",
        "  updated     1",
        "  unchanged   1",
        "  rejected    2",
        "  2.00 s, 5 rows/s, 1 batch, 0 retries, peak 100 MB",
        "  run 20260101T120000-ab12, began 2026-01-01 12:00:00 UTC",
        "  rejected because:",
        "     2  check price ge: such as price is <script> negative",
        "  loaded with a warning:",
        "     1  warning area plausible: area is large",
        "  note: a note",
    ]


def test_empty_report_shows_only_what_every_report_has():
    bare = replace(
        REPORT,
        counts=Counts(),
        rejects_path=None,
        reasons_counted=(),
        warnings=(),
        notes=(),
        seconds=0.0,
    )
    assert [line.split()[0] for line in str(bare).splitlines()[1:]] == [
        "read", "inserted", "0.00", "run",
    ]  # fmt: skip
    html = bare._repr_html_()
    assert html.count("<p>") == html.count("<table>") == 1


def test_html_shows_the_message_escaped():
    message = "read <b> & stop"
    html = replace(REPORT, message=message)._repr_html_()
    assert "<p>read &lt;b&gt; &amp; stop</p>" in html


@pytest.mark.parametrize(("count", "more"), [(12, False), (13, True)])
def test_text_shows_a_dozen_notes_and_counts_the_others(count, more):
    report = replace(REPORT, notes=tuple(f"note {n}" for n in range(count)))
    shown = [line for line in str(report).splitlines() if "note: " in line]
    assert len(shown) == 12 + more
    command = "propload runs show 20260101T120000-ab12 --json"
    assert (shown[-1] == f"  note: 1 more: {command}") is more


def test_text_says_so_if_the_rejects_are_gone(tmp_path):
    gone = replace(REPORT, rejects_path=str(tmp_path / "gone.ndjson"))
    last = str(gone).splitlines()[-1]
    assert last == "  rejects: none is left: they have since been dropped or replayed"


def test_json_rounds_seconds_to_milliseconds_and_rates_to_tenths():
    saved = json.loads(replace(REPORT, seconds=3.00049).to_json())
    assert (saved["seconds"], saved["rows_per_second"]) == (3.0, 3.3)


def test_line_break_in_a_name_cannot_forge_a_line_of_the_report():
    report = replace(REPORT, source="a\nb.csv → public.t in x: loaded", notes=("c\nd",))
    starts = [line[0] for line in str(report).splitlines()[1:]]
    assert set(starts) == {" "}
