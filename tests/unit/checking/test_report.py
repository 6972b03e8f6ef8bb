import json
from dataclasses import replace
from types import SimpleNamespace

from propload.checking.report import CheckReport, ColumnCheck
from propload.report import Counts, ReasonCount

REPORT = CheckReport(
    source="homes.csv",
    table="public.homes",
    exists=True,
    rows=1_200,
    rejected=1,
    columns=(
        ColumnCheck("id", "bigint", "bigint", nulls=0, distinct=True),
        ColumnCheck("price", "bigint", "numeric(10,2)", nulls=7, distinct=False),
    ),
    reasons=(ReasonCount("check", "price", "ge", 1, "price is negative"),),
    key=(),
    key_repeats=0,
    row_repeats=2,
    problems=("the table is a view",),
    expected=Counts(read=1_200, inserted=1_100, unchanged=99, rejected=1),
    notes=("one lane",),
)


def test_text_shows_what_a_load_would_do():
    assert str(REPORT).splitlines() == [
        "homes.csv → public.homes (exists): nothing was written",
        "  1,200 rows read, 1 would be rejected",
        "  as the table is now: 1,100 inserted, 99 unchanged, 1 rejected",
        "  may be the key: id",
        "  2 rows repeat an earlier row in every column",
        "  id     bigint",
        "  price  bigint → numeric(10,2)  7 nulls",
        "  would be rejected because:",
        "    1  check price ge: price is negative",
        "  note: one lane",
        "  would stop the load: the table is a view",
    ]


def test_text_uses_singular_and_marks_one_of_several_messages():
    report = replace(
        REPORT,
        rows=1,
        rejected=2,
        key=("id",),
        key_repeats=1,
        row_repeats=1,
        columns=(ColumnCheck("id", "bigint", "bigint", nulls=1, distinct=False),),
        reasons=(ReasonCount("check", "price", "ge", 2, "price is negative"),),
    )
    text = str(report)
    assert "  1 row read, 2 would be rejected" in text
    assert "key id: 1 row repeats the key of an earlier row" in text
    assert "  1 row repeats an earlier row in every column" in text
    assert "bigint  1 null\n" in text
    assert "    2  check price ge: such as price is negative" in text


def test_text_is_silent_about_repeats_of_a_missing_key():
    text = str(replace(REPORT, key=("nope",), row_repeats=0))
    assert "  key nope\n" in text
    assert "repeat" not in text


def test_headline_says_that_a_check_was_interrupted():
    head = str(replace(REPORT, interrupted=True)).splitlines()[0]
    assert head.endswith("(exists): stopped on request, nothing was written")


def test_json_and_html_hold_candidates_counts_and_types():
    values = json.loads(REPORT.to_json())
    assert values["candidates"] == ["id"]
    assert values["expected"]["inserted"] == 1_100
    html = REPORT._repr_html_()
    assert "bigint → numeric(10,2)" in html
    headline, *summary = str(REPORT).splitlines()[:5]
    assert f"<b>{headline}</b>" in html
    assert "<br>".join(line.strip() for line in summary) in html
    for said in ("check price ge", "price is negative", "one lane", "is a view"):
        assert said in html


def test_html_keeps_what_stops_a_load_in_sight_of_a_thousand_columns():
    columns = tuple(ColumnCheck(f"c{n}", "text", "text", 1, False) for n in range(999))
    html = replace(REPORT, columns=columns)._repr_html_()
    assert html.index("would stop the load") < html.index("overflow:auto")
    assert html.index("overflow:auto") < html.index("c998") < html.index("one lane")


def test_html_has_no_table_if_no_column_was_checked():
    html = replace(REPORT, columns=(), reasons=())._repr_html_()
    assert "would stop the load" in html
    assert "<table" not in html


def test_html_shows_values_as_they_are():
    notes = ("column '<b>' holds '$1' and '$2'",)
    html = replace(REPORT, notes=notes)._repr_html_()
    assert "column &#x27;&lt;b&gt;&#x27;" in html
    # between two dollar signs a notebook would see a formula
    assert html.startswith("<div class='tex2jax_ignore mathjax_ignore'>")


def test_html_shows_the_most_frequent_reasons():
    reasons = tuple(ReasonCount("check", f"c{n}", "ge", 1, "no") for n in range(25))
    html = replace(REPORT, reasons=reasons)._repr_html_()
    assert "check c19 ge" in html
    assert "check c20 ge" not in html
    assert "5 more: .reasons" in html


def test_very_long_name_does_not_widen_the_column_of_names():
    def lines_of(*names):
        columns = (ColumnCheck(name, "bigint", "bigint", 0, True) for name in names)
        return str(replace(REPORT, columns=tuple(columns))).splitlines()

    long, edge = "n" * 200, "e" * 24
    lines = lines_of("id", long, edge)
    assert f"  {'id':<24}  bigint" in lines
    assert f"  {long}  bigint" in lines
    assert f"  {edge}  bigint" in lines
    # if all names are short, the longest one sets the width
    assert "  id  bigint" in lines_of("id", "no")


def test_control_characters_are_escaped_in_ipython():
    printed = []
    printer = SimpleNamespace(text=printed.append)
    report = replace(REPORT, notes=("\x1b[2J",))
    report._repr_pretty_(printer, False)
    assert r"note: \x1b[2J" in printed[0]
